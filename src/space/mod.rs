//! All flows at once: exact sets of flows, and what rules do with every flow there is.
//!
//! [`HeaderSpace`] is a set of flows with the algebra of sets, an exact size, a witness, and a
//! compact text as disjoint [`Region`]s. [`Allowed`] is what rules let pass, with two borders
//! where names are unknown. Every operation has a budget ([`Limits`]) and says how far it came
//! when that is exceeded.
//!
//! What counts as one flow: protocol, source, destination, and what the protocol carries besides.
//! TCP and UDP carry two ports, ICMP a type in place of a destination port (S1.23), all others
//! nothing (S1.24). So equal sets hold equal flows, and a set that differs only in ports which no
//! flow carries is not another set.
//!
//! # How
//!
//! Rules are compared, never expanded, and values that no rule tells apart are one class before
//! any question is asked: a service tag of ten thousand prefixes costs as much as one prefix.
//! Two ways lead to answers.
//!
//! *A sweep* draws a set. It looks at a flow only through the lists of rules it may still match:
//! it cuts one field after the other at the bounds of the rules that still matter, carries the
//! list along, and works out what follows once for each list. Rules behind a rule that covers the
//! same of a piece are dropped from the list, and so is whatever does the same as all that comes
//! after it. Of two policies only flows are looked at that some rule matches which they do not
//! share, so that an edit costs what its own flows cost. What is drawn is an interval decision
//! diagram over the bounds themselves: hash-consed, reduced and numbered in a canonical order, so
//! that equality is comparison of memory and sets of different rulesets meet without a common
//! frame.
//!
//! *Cubes*, split on demand, answer whether some boxes cover another one. Which rules decide,
//! are redundant, and cover a shadowed one is asked of each rule by itself, among the rules that
//! meet it, and the first flow found ends the question. No set of all flows is drawn for it.
//!
//! # Why so, and what it costs
//!
//! `cargo bench --bench analysis` measures every family below. Milliseconds for 125, 250, 500 and
//! 1,000 rules on one core; `survey` finds every shadowed and redundant rule with its cover,
//! `edit` is the difference after one edited rule, `allowed` the set of all allowed flows.
//!
//! | family, prefixes of 1,000 rules | survey | edit | allowed |
//! |---|---|---|---|
//! | ordinary: two prefixes a side, ports; 3,600 | 0.8, 2.4, 8.1, 30 | 0.6, 1.2, 2.6, 4.7 | 1.2, 4.1, 19, 94 |
//! | internet: four public prefixes; 5,000 | 0.8, 2.1, 6.8, 24 | 0.6, 1.0, 2.3, 5.0 | 0.7, 1.5, 3.3, 8.2 |
//! | tags: twenty tags of 10,000 prefixes on both sides | 4.0, 5.2, 8.5, 21 | 4.7, 4.2, 6.7, 7.5 | 23, 41, 65, 129 |
//! | hatch: bars across bars; 4,000 | 0.5, 1.2, 3.8, 13 | 0.6, 1.6, 2.2, 4.6 | 4.0, 15, 61, 235 |
//! | comb: every second prefix and port; 4,000 | 0.7, 1.8, 5.3, 17 | 0.7, 1.3, 2.8, 6.4 | 0.9, 1.9, 4.1, 9.7 |
//! | nested: /0 to /32 on both sides, half of all shadowed | 3.3, 8.7, 21, 73 | 0.9, 1.2, 2.6, 5.9 | 0.5, 0.8, 1.8, 4.0 |
//! | chain: allow and deny by turns along one address | 0.5, 1.2, 3.3, 11 | 1.3, 2.1, 4.7, 13 | 1.6, 3.4, 7.4, 18 |
//! | boxes: large random boxes in four dimensions | 1.6, 6.0, 23, 86 | 1.1, 1.9, 5.3, 70 | 18, 84, 583, limit |
//!
//! The set of all allowed flows of 1,000 `boxes` ends in [`LimitExceeded`]: its number of cells
//! grows with the fourth power, for any structure that draws it.
//!
//! Measured against other ways, on the same core in the same hour:
//!
//! - One sweep over all rules that notes which of them decide, in place of cubes rule by rule:
//!   it surveys 1,000 `internet` and `comb` rules in 6.5 ms each, but `nested` in 158, `hatch` in
//!   38, `ordinary` in 55, 500 `boxes` in 2,900 ms, and 1,000 `boxes` not within the limits.
//! - Drawing a difference without narrowing it to the rules not shared: `edit` takes 1.1 times
//!   (`internet`, `comb`, `nested`), 1.6 times (`ordinary`), 5 times (`hatch`, `tags`) and 14
//!   times (`boxes`) as long.
//! - Addresses before destination ports: the diagrams of 1,000 rules hold 1.9 (`ordinary`), 1.7
//!   (`tags`) and 12 times (`chain`) the branches.
//! - Cubes for sets too: 1,000 `hatch` rules alone decide a grid of a million cells, which the
//!   diagram shares.

mod allowed;
mod apart;
mod axis;
mod boxes;
mod cubes;
mod diagram;
mod flow_count;
mod header_space;
mod limits;
mod lists;
mod region;
mod regions;
mod sweep;

pub use allowed::Allowed;
pub use flow_count::FlowCount;
pub use header_space::HeaderSpace;
pub use limits::{LimitExceeded, Limits, Resource};
pub use region::{Region, RegionError};

pub(crate) use cubes::{Corner, Coverage, Left};
pub(crate) use diagram::{NodeId, count};
pub(crate) use limits::Meter;
pub(crate) use lists::{Answer, Effects, Entry, Fate, Fates, Lists};
pub(crate) use sweep::{Place, Question};
