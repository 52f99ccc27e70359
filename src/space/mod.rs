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
//! Rules are compared, never expanded. A question ([`Allowed`], and all of
//! the questions of `analysis`) looks at a flow only through the lists of rules it
//! may still match. So one sweep cuts one field after the other at the bounds of the rules that
//! still matter, carries the list along, and works out what follows once for each list. Values
//! that no rule tells apart are one class before the sweep begins: a service tag of ten thousand
//! prefixes costs as much as one prefix. Rules behind a rule that covers the same of a piece are
//! dropped from the list, and so is whatever does the same as all that comes after it; that is
//! why comparing two policies costs in proportion to where they differ.
//!
//! Sets are interval decision diagrams over the bounds themselves: hash-consed, reduced and
//! numbered in a canonical order, so that equality is comparison of memory and sets of different
//! rulesets meet without a common frame.
//!
//! # Why so, and what it costs
//!
//! `cargo bench --bench analysis` measures every family below. Milliseconds for 125, 250, 500 and
//! 1,000 rules on two cores of a shared machine; `survey` finds every shadowed and redundant rule
//! with its cover, `edit` is the difference after one edited rule, `order` the equivalence of two
//! orderings, `allowed` the set of all allowed flows.
//!
//! | family, prefixes of 1,000 rules | survey | edit | order | allowed |
//! |---|---|---|---|---|
//! | ordinary: two prefixes a side, ports; 3,600 | 0.9, 2.6, 18, 95 | 0.6, 2, 3, 11 | 0.5, 2, 2, 5 | 1, 6, 34, 145 |
//! | internet: four public prefixes; 5,000 | 0.6, 1.2, 2.9, 12 | 0.6, 1.1, 2.6, 13 | 0.6, 1, 2, 11 | 0.5, 1.5, 3.4, 15 |
//! | tags: twenty tags of 10,000 prefixes on both sides | 16, 16, 30, 64 | 23, 21, 37, 68 | 17, 19, 32, 63 | 58, 94, 142, 266 |
//! | hatch: bars across bars; 4,000 | 1.3, 4.3, 21, 94 | 0.9, 11, 12, 37 | 0.4, 1.2, 1.9, 3.8 | 6, 25, 116, 453 |
//! | comb: every second prefix and port; 4,000 | 1.1, 2.6, 8.9, 20 | 1.2, 2.2, 10, 27 | 0.9, 2.2, 8.8, 6.4 | 1.5, 3.3, 15, 16 |
//! | nested: /0 to /32 on both sides, half of all shadowed | 14, 29, 39, 236 | 1.5, 1.8, 4.3, 9.5 | 0.4, 1.1, 2.2, 4.7 | 0.5, 1.3, 2.9, 6.7 |
//! | chain: allow and deny by turns along one address | 3, 6.5, 15, 34 | 2, 3.2, 7, 18 | 0.6, 1.3, 2.8, 7 | 2.4, 5.4, 12, 27 |
//! | boxes: large random boxes in four dimensions | 23, 258, 3455, limit | 6, 18, 126, 1194 | 0.9, 1.5, 4.3, 12 | 28, 106, 982, limit |
//!
//! `boxes` is the worst there is, for any structure: the number of cells grows with the fourth
//! power. It ends in [`LimitExceeded`].
//!
//! Destination ports are looked at first. With addresses first the diagrams of 1,000 rules hold 1.9
//! (ordinary), 1.7 (tags) and 12 times (chain) the branches and `edit` takes 1.7, 0.8 and 5 times
//! as long; only `hatch`, which names no ports, gains a third of its time. Cubes split on demand
//! were not built: the 1,000 `hatch` rules alone decide a grid of a million cells.
//! Dropping what is hidden behind an equal rule brought `survey` of 1,000 `nested` rules from
//! beyond the limit to the time above, and that of 1,000 `chain` rules from 124 to 34 ms.

mod allowed;
mod axis;
mod boxes;
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

pub(crate) use diagram::NodeId;
pub(crate) use limits::Meter;
pub(crate) use lists::{Answer, Effects, Entry, Fate, Fates, Lists};
pub(crate) use sweep::{Place, Question};
