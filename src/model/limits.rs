//! Azure's limits (S1.51), as data: they differ between subscriptions and grow over the years.

/// How much of everything Azure takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Security groups in one region of one subscription.
    pub groups_per_region: usize,
    /// Application security groups in one region of one subscription.
    pub asgs_per_region: usize,
    /// A user's rules in one group.
    pub rules_per_group: usize,
    /// Addresses and ranges over all rules of one group, sources and destinations apart.
    pub addresses_per_group: usize,
    /// Different application security groups in all rules of one group.
    pub asgs_per_group: usize,
    /// Application security groups on one side of a rule.
    pub asgs_per_side: usize,
    /// Application security groups of one IP configuration.
    pub asgs_per_ip_configuration: usize,
    /// IP configurations in one application security group.
    pub ip_configurations_per_asg: usize,
}

impl Limits {
    /// The published limits.
    pub const fn azure() -> Self {
        Self {
            groups_per_region: 5000,
            asgs_per_region: 3000,
            rules_per_group: 1000,
            addresses_per_group: 4000,
            asgs_per_group: 100,
            asgs_per_side: 10,
            asgs_per_ip_configuration: 20,
            ip_configurations_per_asg: 4000,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::azure()
    }
}
