//! Networks, groups, rules and flows to test with: strategies for crates that property-test with
//! this one, behind the feature `proptest`.
//!
//! There is one generator, [`Generator`], which draws every value from a stream of [`Choices`].
//! Property tests give it shrinking bytes through the strategies below, fuzzers the bytes they
//! mutate, benchmarks a seed through [`sized`]. Its values are made to meet: few prefixes with
//! their children, siblings and parents, ports at boundaries, neighbouring priorities, and flows
//! at the corners of the rules they are meant for.
//!
//! ```
//! use nsg_engine::eval::{Verdict, evaluate};
//! use nsg_engine::model::Direction;
//! use nsg_engine::strategies::{Shape, cases};
//! use proptest::prelude::*;
//!
//! proptest!(ProptestConfig::with_cases(16), |(case in cases(Shape::definite()))| {
//!     let ruleset = case.ruleset(Direction::Inbound);
//!     for flow in &case.flows {
//!         prop_assert_ne!(evaluate(&ruleset, flow).verdict(), Verdict::Indeterminate);
//!     }
//! });
//! ```

mod choices;
mod drawn;
mod flows;
mod generator;
mod networks;
mod rules;
pub mod sized;
mod values;

pub use choices::Choices;
pub use drawn::{Drawn, DrawnTree};
pub use generator::{Generator, Shape};

use std::fmt;

use crate::model::{AdminRule, Direction, Flow, SecurityGroup, SecurityRule, ServiceTag};
use crate::net::{PortSet, Prefix};
use crate::network::Network;
use crate::resolve::{Names, Ruleset, ServiceTags};

/// A group, what its names stand for, and flows aimed at its rules.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "a group, its names and its flows are all there is")]
pub struct Case {
    /// The group.
    pub group: SecurityGroup,
    /// What its names stand for; some stand for nothing known, if the shape has unknowns.
    pub names: Names,
    /// Flows at the corners of its rules, both directions mixed.
    pub flows: Vec<Flow>,
}

impl Case {
    /// Draws a case.
    pub fn draw(choices: Choices, shape: Shape) -> Self {
        let mut generator = Generator::new(choices, shape);
        let group = generator.group();
        let names = generator.names().clone();
        let rulesets = [Direction::Inbound, Direction::Outbound]
            .map(|direction| Ruleset::of_group(&group, direction, &names));
        let flows = rulesets
            .iter()
            .cycle()
            .take(shape.flows)
            .map(|ruleset| generator.flow(ruleset))
            .collect();
        Self { group, names, flows }
    }

    /// The group's rules in one direction, resolved.
    pub fn ruleset(&self, direction: Direction) -> Ruleset {
        Ruleset::of_group(&self.group, direction, &self.names)
    }
}

impl fmt::Debug for Case {
    /// Rules and flows in their text forms, one a line, so that a failing case can be read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in self.group.all_rules() {
            writeln!(f, "{rule}")?;
        }
        for flow in &self.flows {
            writeln!(f, "{flow}")?;
        }
        match self.names.tag(&ServiceTag::virtual_network()) {
            Some(addresses) => write!(f, "VirtualNetwork = {addresses}"),
            None => f.write_str("VirtualNetwork is unknown"),
        }
    }
}

/// A network, a service-tag catalogue, and flows between its places and anywhere.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a network, its tags and its flows are all there is")]
pub struct NetworkCase {
    /// The network.
    pub network: Network,
    /// The catalogue; it does not have every tag that the rules name, if the shape has unknowns.
    pub tags: ServiceTags,
    /// Flows between interfaces of the network, or between one and an address of a rule.
    pub flows: Vec<Flow>,
}

impl NetworkCase {
    /// Draws a case.
    pub fn draw(choices: Choices, shape: Shape) -> Self {
        let mut generator = Generator::new(choices, shape);
        let network = generator.network();
        let tags = generator.names().service_tags().clone();
        let flows = (0..shape.flows).map(|_| generator.network_flow(&network)).collect();
        Self { network, tags, flows }
    }
}

/// Groups with their names and with flows aimed at them.
pub fn cases(shape: Shape) -> Drawn<Case> {
    Drawn::new(shape.choices(), move |choices| Case::draw(choices, shape))
}

/// Networks with a service-tag catalogue and with flows through them.
pub fn networks(shape: Shape) -> Drawn<NetworkCase> {
    let choices = shape.choices().saturating_mul(4);
    Drawn::new(choices, move |choices| NetworkCase::draw(choices, shape))
}

/// Groups with their default rules.
pub fn groups(shape: Shape) -> Drawn<SecurityGroup> {
    drawn(shape, Generator::group)
}

/// Rules of a group's user.
pub fn rules(shape: Shape) -> Drawn<SecurityRule> {
    drawn(shape, Generator::rule)
}

/// Security admin rules.
pub fn admin_rules(shape: Shape) -> Drawn<AdminRule> {
    drawn(shape, Generator::admin_rule)
}

/// Prefixes of both families.
pub fn prefixes() -> Drawn<Prefix> {
    drawn(Shape::default(), Generator::prefix)
}

/// Sets of ports.
pub fn port_sets() -> Drawn<PortSet> {
    drawn(Shape::default(), Generator::port_set)
}

/// Flows of both families and of all protocols, some with ports or types unknown.
pub fn flows() -> Drawn<Flow> {
    drawn(Shape::default(), |generator| {
        let rules = Ruleset::of_group(
            &SecurityGroup::new("nsg".into()),
            Direction::Inbound,
            generator.names(),
        );
        generator.flow(&rules)
    })
}

fn drawn<T>(shape: Shape, draw: impl Fn(&mut Generator) -> T + Send + Sync + 'static) -> Drawn<T> {
    Drawn::new(shape.choices(), move |choices| draw(&mut Generator::new(choices, shape)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_choices_at_all_make_the_simplest_case() {
        let case = NetworkCase::draw(Choices::from_bytes(&[]), Shape::default());
        assert_eq!(case.network.virtual_networks.len(), 1);
        assert!(case.network.security_groups.iter().all(|group| group.rules.is_empty()));
    }

    #[test]
    fn the_definite_shape_names_nothing_unknown() {
        for seed in 0..200 {
            let case = Case::draw(Choices::from_seed(seed), Shape::definite());
            for direction in [Direction::Inbound, Direction::Outbound] {
                assert!(case.ruleset(direction).unresolved().is_empty());
            }
        }
    }
}
