//! What a classifier says about itself.

use std::fmt;

use super::config::Strategy;

/// What was built and what it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Report {
    /// For IPv4 flows.
    pub ipv4: PartReport,
    /// For IPv6 flows.
    pub ipv6: PartReport,
}

/// What was built for the flows of one IP version.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PartReport {
    /// What a lookup goes through.
    pub strategy: Strategy,
    /// Why that was chosen.
    pub reason: &'static str,
    /// How many rules such flows can meet; a rule that is not fully known counts twice.
    pub rules: usize,
    /// The bytes it takes.
    pub bytes: usize,
    /// Classes and ranges, where the strategy has any.
    pub fields: Option<FieldReport>,
}

/// Classes of values that no rule tells apart, and the ranges they lie in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say all there is")]
#[non_exhaustive]
pub struct FieldReport {
    pub source_ranges: usize,
    pub source_classes: usize,
    pub destination_ranges: usize,
    pub destination_classes: usize,
    pub protocol_classes: usize,
    pub source_port_classes: usize,
    pub destination_port_classes: usize,
    pub service_classes: usize,
}

impl fmt::Display for Report {
    /// One line for each IP version.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IPv4: {}\nIPv6: {}", self.ipv4, self.ipv6)
    }
}

impl fmt::Display for PartReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { strategy, reason, rules, bytes, fields } = self;
        write!(f, "{strategy} ({reason}), {rules} rules, {bytes} bytes")?;
        match fields {
            Some(fields) => write!(f, ", {fields}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for FieldReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "classes: {} of {} source ranges, {} of {} destination ranges, {} protocols × {} \
             source ports × {} destination ports = {} services",
            self.source_classes,
            self.source_ranges,
            self.destination_classes,
            self.destination_ranges,
            self.protocol_classes,
            self.source_port_classes,
            self.destination_port_classes,
            self.service_classes,
        )
    }
}
