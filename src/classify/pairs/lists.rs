//! The rules of each pair of address classes, in order; of which the first whose service matches
//! is looked up.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "rules and services are numbered by the vectors they index"
)]

use std::collections::HashMap;

use super::matrix::Cell;
use crate::classify::Unfit;
use crate::classify::classes::Rows;

/// How many times it may be looked up whether a class is of a service.
const LOOKS: usize = 1 << 27;

/// Lists of rules, equal ones once.
pub(super) struct Lists<'a> {
    /// By rule: its service.
    services: &'a [u32],
    /// By service: whether no flow between the addresses is outside of it.
    all: &'a [bool],
    /// One behind the other. The first place is of no rule.
    rules: Vec<u32>,
    /// Services of lists, in order: equal ones are one kind, the first is of no services.
    kinds: Vec<Vec<u32>>,
    numbers: HashMap<Vec<u32>, u32>,
    /// By service: the kind of lists of a rule of that service.
    of_one: Vec<Option<u32>>,
    /// By rule: the list of it alone.
    alone: Vec<Cell>,
    several: HashMap<Vec<u32>, Cell>,
    /// The services and the rules of the list being made.
    seen: Vec<u32>,
    list: Vec<u32>,
}

impl<'a> Lists<'a> {
    pub(super) fn new(services: &'a [u32], all: &'a [bool], none: u32) -> Self {
        Self {
            services,
            all,
            rules: vec![none],
            kinds: vec![Vec::new()],
            numbers: HashMap::new(),
            of_one: vec![None; all.len()],
            alone: vec![Cell::EMPTY; services.len()],
            several: HashMap::new(),
            seen: Vec::new(),
            list: Vec::new(),
        }
    }

    /// The cell of a list of rules, ascending; those that never decide are left out.
    pub(super) fn cell(&mut self, rules: impl Iterator<Item = u32>) -> Result<Cell, Unfit> {
        self.seen.clear();
        self.list.clear();
        for rule in rules {
            let service = self.services[rule as usize];
            if self.seen.contains(&service) {
                continue;
            }
            self.seen.push(service);
            self.list.push(rule);
            if self.seen.len() > usize::from(u8::MAX) {
                return Err(Unfit::Rules("more than 255 services between the same addresses"));
            }
            if self.all[service as usize] {
                break;
            }
        }
        if let [rule] = *self.list {
            if self.alone[rule as usize] == Cell::EMPTY {
                let kind = match self.of_one[self.seen[0] as usize] {
                    Some(kind) => kind,
                    None => self.kind(),
                };
                self.of_one[self.seen[0] as usize] = Some(kind);
                self.alone[rule as usize] = self.push(kind)?;
            }
            return Ok(self.alone[rule as usize]);
        }
        if let Some(cell) = self.several.get(&self.list) {
            return Ok(*cell);
        }
        let kind = self.kind();
        let cell = self.push(kind)?;
        self.several.insert(self.list.clone(), cell);
        Ok(cell)
    }

    /// The number of the kind of the list being made.
    fn kind(&mut self) -> u32 {
        if let Some(kind) = self.numbers.get(&self.seen) {
            return *kind;
        }
        let kind = self.kinds.len() as u32;
        self.kinds.push(self.seen.clone());
        self.numbers.insert(self.seen.clone(), kind);
        kind
    }

    fn push(&mut self, kind: u32) -> Result<Cell, Unfit> {
        // The rank in a list counts from 1.
        let cell = Cell::new(kind as usize, self.rules.len() - 1);
        self.rules.extend_from_slice(&self.list);
        cell
    }

    pub(super) fn bytes(&self) -> usize {
        4 * self.rules.len()
    }

    /// The rules of all lists; and service class by service class, kind by kind, the rank from 1
    /// of the first rule of such a list that takes the class, 0 where none does.
    pub(super) fn finish(self, classes: &Rows, limit: usize) -> Result<(Vec<u32>, Vec<u8>), Unfit> {
        let looks = classes.len().saturating_mul(self.kinds.iter().map(Vec::len).sum());
        if classes.len().saturating_mul(self.kinds.len()) > limit || looks > LOOKS {
            return Err(Unfit::Size);
        }
        let mut ranks = Vec::with_capacity(classes.len() * self.kinds.len());
        for class in classes.iter() {
            ranks.extend(self.kinds.iter().map(|services| {
                let takes =
                    |service: &u32| class[(service / 64) as usize] >> (service % 64) & 1 == 1;
                services.iter().position(takes).map_or(0, |place| place as u8 + 1)
            }));
        }
        Ok((self.rules, ranks))
    }
}
