//! Questions of people, answered with the rule, the place, the reason and what to type.
//!
//! [`bastion`] says why Azure Bastion can or cannot open a session to a machine: each leg of the
//! session with every gate it passes, causes with stable codes ([`BastionCode`]), the rules that
//! nearly allow, repairs that were tried out on a copy of the network, and what security groups
//! have no part in. [`bastion_table`] says it for every machine in one line each.
//! [`lint`] says what is probably not meant, in every group and at every interface.

mod causes;
mod changes;
mod code;
mod command;
mod compliance;
mod legs;
mod lint;
mod markdown;
mod near_miss;
mod obstacle;
mod offer;
mod other_causes;
mod primary;
mod printable;
mod probe;
mod question;
mod repair;
mod report;
mod scene;
mod style;
mod text;
mod wording;
mod write_up;

pub use changes::{Changes, OtherWay};
pub use code::{BastionCode, Weight};
pub use compliance::{Compliance, Requirement, RequirementReport, bastion_compliance};
pub use legs::LegName;
pub use lint::{Fix, Lint, LintCode, LintCodeError, MANAGEMENT_PORTS, lint, lint_contracts};
pub use near_miss::{Field, NearMiss};
pub use question::{BastionQuestion, QuestionError, Session, SessionError};
pub use repair::{Action, Move, Repair, RepairRule};
pub use report::{
    BastionLine, BastionReport, BastionTable, BastionVerdict, Cause, GateReport, LegReport, Subject,
};
pub use style::Style;
pub use write_up::{bastion, bastion_table};
