//! Exact, offline evaluation of Azure network security groups: what happens to one flow, to a
//! hundred million, or to all of them; at which gate, by which rule, and why.
//!
//! ```
//! # #[cfg(feature = "azure")] {
//! use nsg_engine::azure;
//! use nsg_engine::eval::Verdict;
//! use nsg_engine::model::Flow;
//!
//! let exported = br#"{"resources": [
//!   {"id": "/v/virtualNetworks/vnet", "type": "Microsoft.Network/virtualNetworks", "properties": {
//!     "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
//!     "subnets": [{"name": "app", "properties": {
//!       "addressPrefix": "10.0.0.0/24",
//!       "networkSecurityGroup": {"id": "/g/networkSecurityGroups/nsg-app"}}}]}},
//!   {"id": "/g/networkSecurityGroups/nsg-app", "type": "Microsoft.Network/networkSecurityGroups",
//!    "properties": {"securityRules": []}}
//! ]}"#;
//! let network = azure::read(exported)?.network;
//! let flow: Flow = "tcp 203.0.113.7:50000 -> 10.0.0.4:22".parse()?;
//!
//! let verdict = network.path(&flow)?.evaluate();
//! assert_eq!(verdict.verdict, Verdict::Deny);
//! assert!(verdict.to_string().contains("DenyAllInBound"));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The road of the data
//!
//! | module | does |
//! |---|---|
//! | [`azure`] | reads what Azure exports into a network, and says what is wrong with it |
//! | [`model`], [`network`] | what people write, and where it applies |
//! | [`resolve`] | binds names to addresses: a [`Ruleset`](resolve::Ruleset) is one ordered list of sets |
//! | [`eval`] | the specification: one list, one flow, three-valued, with a trace |
//! | [`classify`] | the compiled matcher: the same answers in nanoseconds |
//! | [`space`], [`analysis`] | all flows at once: what a rule still decides, what a change opens |
//! | [`path`] | the gates of both ends of a flow, in Azure's order |
//! | [`diagnose`] | why Azure Bastion cannot reach a machine, and what to type |
//!
//! Nothing flows back, and the three engines share no code above [`resolve`]: their agreement is
//! evidence.
//!
//! # Unknown is a value
//!
//! A service tag without a catalogue, a template expression, a group that the input does not hold:
//! none of these is silently nothing or everything. A rule that depends on one *may* match, and a
//! verdict is definite only when every way the unknown could turn out gives the same one.
//!
//! # Features
//!
//! `azure` (default) reads Azure's JSON. `proptest` exports the generators of [`strategies`] for
//! crates that property-test on top of this one. Features only add; none changes an answer.
//!
//! Clause numbers such as `S3.8` in this documentation name statements of the semantics the
//! engine follows; each stands beside the behaviour it settles.

pub mod analysis;
#[cfg(feature = "azure")]
pub mod azure;
pub mod classify;
pub mod diagnose;
pub mod eval;
pub mod model;
pub mod net;
pub mod network;
pub mod path;
pub mod report;
pub mod resolve;
pub mod space;
#[cfg(feature = "proptest")]
pub mod strategies;

#[cfg(all(doctest, feature = "azure"))]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
