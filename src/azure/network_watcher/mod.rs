//! What Azure Network Watcher is asked and answers: IP flow verify (S8.1 to S8.7) and NSG
//! diagnostics, which the API calls network configuration diagnostic (S8.8 to S8.15).
//!
//! The shapes are those of Azure's API, so that a program which calls Azure can ask this crate
//! instead. Where Azure has no word for something, members are added and none is bent: the
//! access may be `Indeterminate`, and a rule that covers part of a query says which fields are
//! `partial`.

mod diagnostic;
mod ip_flow;
mod request;
mod rule_reference;

pub use diagnostic::{
    ConfigurationDiagnosticResponse, DiagnosticError, DiagnosticResult, EvaluatedSecurityGroup,
    MatchedRule, ProfileError, RuleEvaluation, SecurityGroupResult, configuration_diagnostic,
};
pub use ip_flow::{IpFlowRequest, IpFlowResponse};
pub use request::{
    ConfigurationDiagnosticRequest, DiagnosticProfile, RequestError, VerbosityLevel,
    VerbosityLevelError,
};
pub use rule_reference::{RuleReference, diagnostic_name};
