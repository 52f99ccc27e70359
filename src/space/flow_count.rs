//! Exact numbers of flows.

use std::fmt;

/// A number of flows, exact: there are fewer than 2^291 of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct FlowCount {
    /// In base 2^32, the lowest first.
    digits: [u32; 12],
}

impl FlowCount {
    /// The number as a power of two; negative infinity for none.
    pub fn log2(&self) -> f64 {
        self.digits
            .iter()
            .rev()
            .fold(0.0, |sum, &digit| sum * 4_294_967_296.0 + f64::from(digit))
            .log2()
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let mut carry = 0;
        let mut sum = Self::default();
        for ((sum, a), b) in sum.digits.iter_mut().zip(self.digits).zip(other.digits) {
            let column = u64::from(a).saturating_add(b.into()).saturating_add(carry);
            (*sum, carry) = split(column);
        }
        sum
    }

    pub(super) fn times(self, factor: Self) -> Self {
        let shifted = factor.digits.iter().enumerate().map(|(places, &digit)| {
            let mut row = Self::default();
            let mut carry = 0;
            for (row, &own) in row.digits.iter_mut().skip(places).zip(&self.digits) {
                let column = u64::from(own).saturating_mul(digit.into()).saturating_add(carry);
                (*row, carry) = split(column);
            }
            row
        });
        shifted.fold(Self::default(), Self::plus)
    }
}

/// The low digit and the carry.
fn split(column: u64) -> (u32, u64) {
    (u32::try_from(column & u64::from(u32::MAX)).unwrap_or(0), column >> 32)
}

impl From<u128> for FlowCount {
    fn from(number: u128) -> Self {
        let mut count = Self::default();
        for (digit, place) in count.digits.iter_mut().zip(0..4u32) {
            let shifted = number >> place.saturating_mul(32);
            *digit = u32::try_from(shifted & u128::from(u32::MAX)).unwrap_or(0);
        }
        count
    }
}

impl PartialOrd for FlowCount {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FlowCount {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.digits.iter().rev().cmp(other.digits.iter().rev())
    }
}

impl fmt::Display for FlowCount {
    /// All decimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const GROUP: u64 = 1_000_000_000;
        let mut rest = *self;
        let mut groups = Vec::new();
        loop {
            let mut remainder = 0;
            for digit in rest.digits.iter_mut().rev() {
                let column = (remainder << 32) | u64::from(*digit);
                *digit = u32::try_from(column.checked_div(GROUP).unwrap_or(0)).unwrap_or(0);
                remainder = column.checked_rem(GROUP).unwrap_or(0);
            }
            groups.push(remainder);
            if rest.is_zero() {
                break;
            }
        }
        for (index, group) in groups.iter().rev().enumerate() {
            if index == 0 {
                write!(f, "{group}")?;
            } else {
                write!(f, "{group:09}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_exact_beyond_128_bits() {
        let top = FlowCount::from(u128::MAX).plus(1.into());
        assert_eq!(top.to_string(), "340282366920938463463374607431768211456");
        let square = top.times(top);
        assert_eq!(
            square.to_string(),
            "115792089237316195423570985008687907853269984665640564039457584007913129639936"
        );
        assert_eq!(square.log2(), 256.0);
        assert!(square > top && FlowCount::default() < FlowCount::from(1));
        assert_eq!(FlowCount::from(1_000_000_007_u128).to_string(), "1000000007");
        assert_eq!(FlowCount::default().to_string(), "0");
    }
}
