//! Budgets: no question about all flows runs without end.

/// How much work and memory one operation may take.
///
/// The defaults let every ruleset within Azure's own limits (S1.51) finish and stop a hostile
/// one within seconds and about half a gigabyte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Steps of work: pieces of a dimension looked at, counting what costs nothing too.
    pub steps: u64,
    /// Branches of a diagram held at once; each takes 32 bytes.
    pub branches: u64,
    /// Regions that a set may be written out as.
    pub regions: u64,
}

impl Limits {
    /// No limits: for small worlds, where the input bounds the cost.
    pub const NONE: Self = Self { steps: u64::MAX, branches: u64::MAX, regions: u64::MAX };

    /// The same limits with another number of steps.
    #[must_use]
    pub fn with_steps(self, steps: u64) -> Self {
        Self { steps, ..self }
    }

    /// The same limits with another number of branches.
    #[must_use]
    pub fn with_branches(self, branches: u64) -> Self {
        Self { branches, ..self }
    }

    /// The same limits with another number of regions.
    #[must_use]
    pub fn with_regions(self, regions: u64) -> Self {
        Self { regions, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 200_000_000, branches: 16_000_000, regions: 100_000 }
    }
}

/// What ran out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Resource {
    /// [`Limits::steps`].
    Steps,
    /// [`Limits::branches`].
    Branches,
    /// [`Limits::regions`].
    Regions,
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Steps => "steps",
            Self::Branches => "branches",
            Self::Regions => "regions",
        })
    }
}

/// An operation was stopped because it would have gone over its budget.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error(
    "stopped at the limit of {limit} {resource}, {:.1} % of the way through: ask about fewer rules, or raise `Limits` in code",
    progress * 100.0
)]
pub struct LimitExceeded {
    resource: Resource,
    limit: u64,
    progress: f64,
}

impl LimitExceeded {
    /// What ran out.
    pub fn resource(&self) -> Resource {
        self.resource
    }

    /// How much of it there was.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The share of the work that was done, from 0 to 1.
    pub fn progress(&self) -> f64 {
        self.progress
    }
}

/// Counts what one operation uses against its limits.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    steps: u64,
    branches: u64,
    progress: f64,
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { limits: *limits, steps: 0, branches: 0, progress: 0.0 }
    }

    pub(crate) fn step(&mut self, count: usize) -> Result<(), LimitExceeded> {
        self.steps = self.steps.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        self.check(Resource::Steps, self.steps, self.limits.steps)
    }

    pub(crate) fn hold(&mut self, branches: usize) -> Result<(), LimitExceeded> {
        self.branches = self.branches.saturating_add(u64::try_from(branches).unwrap_or(u64::MAX));
        self.check(Resource::Branches, self.branches, self.limits.branches)
    }

    /// Counts towards the regions of one answer; `held` are there already.
    pub(crate) fn regions(&mut self, held: usize) -> Result<(), LimitExceeded> {
        let held = u64::try_from(held).unwrap_or(u64::MAX);
        self.check(Resource::Regions, held, self.limits.regions)
    }

    /// Notes that a part of the work, as a share of the whole, is done.
    pub(crate) fn finished(&mut self, share: f64) {
        self.progress += share;
    }

    fn check(&self, resource: Resource, used: u64, limit: u64) -> Result<(), LimitExceeded> {
        if used <= limit {
            return Ok(());
        }
        Err(LimitExceeded { resource, limit, progress: self.progress.clamp(0.0, 1.0) })
    }
}
