//! Trees that cut the space of keys into equal slices until few rules are left, for thousands of
//! plain rules, each of which is one box.
//!
//! Rules that are wide in one address and narrow in the other would be copied into many slices
//! of the first, so up to three trees are grown, by which of the addresses are narrow (grouping:
//! EffiCuts, Vamanan et al. 2010; equal cuts: HiCuts, Gupta and McKeown 1999). The rules that are
//! wide in both are few and of few classes, but no cut parts them: they become rows of bits. A cut
//! looks only at the bits in which the rules of its node differ, leaving aside rules that fill what
//! the cuts above have left of the field; these go into every slice. So a key whose other bits are
//! of no rule ends up in some leaf with just the rules that could match it, and leaves compare
//! every field.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "slices of a field are below the number of children that were made for them"
)]

use std::collections::HashMap;

use super::Unfit;
use super::bitsets::AnyBitsets;
use super::engine::Lookup;
use super::fields::FieldClasses;
use super::index::Bits;
use super::key::{Key, RuleIndex};
use super::rules::Rules;
use super::simd::Simd;
use crate::net::{Coordinate, Interval, RangeSet};

/// The rules of a leaf that are compared at once.
const LANES: usize = 8;
/// Nodes with no more rules are leaves.
const LEAF: usize = 16;
/// The most levels of a tree.
const DEPTH: usize = 12;
/// The most bits one cut looks at, and the most at the top of a tree.
const BITS: u32 = 6;
const TOP_BITS: u32 = 12;
/// An address range of at least this many bits is wide, of IPv4; of IPv6 by proportion.
const WIDE: u32 = 16;

/// Trees over boxes.
pub(super) struct Forest<B: Bits> {
    trees: Box<[Tree]>,
    /// The rules in no tree; its answers are numbers of entries.
    wide: Option<AnyBitsets<B>>,
    nodes: Box<[Node]>,
    blocks: Box<[Block<B>]>,
    /// By protocol number: the protocol sets it is in, a bit a set.
    protocols: Box<[u32; 256]>,
    /// By entry; behind the last, what is answered when none matches.
    answers: Box<[RuleIndex]>,
}

/// A tree, in the order of the first entry any of its leaves holds.
struct Tree {
    root: Node,
    first: u32,
}

/// A cut, whose children stand one after the other in `nodes`; or a leaf, whose rules stand one
/// block after the other in `blocks`.
#[derive(Clone, Copy)]
struct Node {
    /// The first child, or the first block.
    start: u32,
    /// The number of blocks of a leaf.
    blocks: u16,
    /// Which of the four ordered fields is cut; `LEAF_FIELD` in a leaf.
    field: u8,
    /// How far to the right the slice stands (below 128), and of how many bits it is.
    shift: u8,
    bits: u8,
}

const LEAF_FIELD: u8 = 4;

/// Boxes side by side: field by field, the first value and how far the box goes beyond it.
#[derive(Clone)]
struct Block<B> {
    sources: Spans<B>,
    destinations: Spans<B>,
    source_ports: Spans<u16>,
    destination_ports: Spans<u16>,
    /// The bit of the protocol set; none in an empty lane.
    protocols: [u32; LANES],
    entries: [u32; LANES],
}

/// The boxes' ends in one field.
#[derive(Clone)]
struct Spans<T> {
    firsts: [T; LANES],
    /// How far each goes beyond its first value.
    lengths: [T; LANES],
}

impl<B: Bits> Block<B> {
    fn of(boxes: &[Plain<B>], entries: &[u32]) -> Self {
        let lanes: [Option<&Plain<B>>; LANES] =
            std::array::from_fn(|lane| entries.get(lane).map(|entry| &boxes[*entry as usize]));
        let spans = |field: usize| {
            let ends = lanes.map(|lane| lane.map_or((B::MIN, B::MIN), |plain| plain.fields[field]));
            Spans {
                firsts: ends.map(|(first, _)| first),
                lengths: ends.map(|(first, last)| last.minus(first)),
            }
        };
        let ports = |field: usize| {
            let Spans { firsts, lengths } = spans(field);
            let port = |value: B| value.slice(0, 16) as u16;
            Spans { firsts: firsts.map(port), lengths: lengths.map(port) }
        };
        Self {
            sources: spans(0),
            destinations: spans(1),
            source_ports: ports(2),
            destination_ports: ports(3),
            protocols: lanes.map(|lane| lane.map_or(0, |plain| plain.protocols)),
            entries: std::array::from_fn(|i| entries.get(i).copied().unwrap_or(u32::MAX)),
        }
    }

    /// The first of `before` and the entries here that match; all lanes always.
    #[inline(always)]
    fn first_match(&self, key: &Key<B>, protocols: u32, before: u32) -> u32 {
        let mut first = before;
        for lane in 0..LANES {
            let source = key.source.minus(self.sources.firsts[lane]) <= self.sources.lengths[lane];
            let destination = key.destination.minus(self.destinations.firsts[lane])
                <= self.destinations.lengths[lane];
            let source_port = key.source_port.wrapping_sub(self.source_ports.firsts[lane])
                <= self.source_ports.lengths[lane];
            let destination_port =
                key.destination_port.wrapping_sub(self.destination_ports.firsts[lane])
                    <= self.destination_ports.lengths[lane];
            let protocol = self.protocols[lane] & protocols != 0;
            let all = source & destination & source_port & destination_port & protocol;
            let entry = if all { self.entries[lane] } else { u32::MAX };
            first = first.min(entry);
        }
        first
    }
}

impl<B: Bits> Lookup<B> for Forest<B> {
    #[inline(always)]
    fn lookup<S: Simd>(&self, simd: S, key: &Key<B>) -> RuleIndex {
        let fields =
            [key.source, key.destination, B::from(key.source_port), B::from(key.destination_port)];
        let protocols = self.protocols[usize::from(key.protocol)];
        let none = (self.answers.len() - 1) as u32;
        let mut first = none;
        if let Some(wide) = &self.wide {
            first = first.min(wide.lookup(simd, key).to_bits());
        }
        for tree in &self.trees {
            if tree.first > first {
                break;
            }
            let mut node = tree.root;
            while node.field != LEAF_FIELD {
                let slice =
                    fields[usize::from(node.field)].slice(node.shift.into(), node.bits.into());
                node = self.nodes[node.start as usize + slice];
            }
            let start = node.start as usize;
            for block in &self.blocks[start..start + usize::from(node.blocks)] {
                if block.entries[0] > first {
                    break;
                }
                first = block.first_match(key, protocols, first);
            }
        }
        self.answers[first as usize]
    }
}

/// A rule that is one box: the ends of source, destination, source port and destination port.
struct Plain<B> {
    fields: [(B, B); 4],
    protocols: u32,
}

impl<B: Bits> Forest<B> {
    /// The trees, when every rule is one box.
    pub(super) fn new(rules: &Rules<'_, B>, limit: usize) -> Result<Self, Unfit> {
        let (boxes, protocols) = plain(rules)?;
        // No structure is smaller than a block's worth of bytes a rule.
        if boxes.len() * size_of::<Block<B>>() / LANES > limit {
            return Err(Unfit::Size);
        }
        let mut grower = Grower {
            boxes: &boxes,
            nodes: Vec::new(),
            blocks: Vec::new(),
            leaves: HashMap::new(),
            limit,
        };
        let (all, ports) = ((B::MIN, B::MAX), (B::MIN, B::from(u16::MAX)));
        let whole = [all, all, ports, ports];
        let mut groups = groups(&boxes);
        let wide = groups.pop().and_then(|wide| match bitsets(rules, &wide, limit / 4) {
            Some(bitsets) => Some(bitsets),
            None => {
                groups.push(wide);
                None
            }
        });
        let mut trees = Vec::new();
        for group in groups {
            let root = grower.node(&group, whole, 0)?;
            trees.extend(group.first().map(|first| Tree { root, first: *first }));
        }
        trees.sort_by_key(|tree| tree.first);
        let mut answers: Vec<_> = rules.entries.iter().map(|entry| entry.answer).collect();
        answers.push(RuleIndex::NONE);
        let forest = Self {
            trees: trees.into(),
            wide,
            nodes: grower.nodes.into(),
            blocks: grower.blocks.into(),
            protocols,
            answers: answers.into(),
        };
        if forest.bytes() > limit { Err(Unfit::Size) } else { Ok(forest) }
    }

    /// The bytes it takes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.wide.as_ref().map_or(0, AnyBitsets::bytes)
            + size_of_val(&*self.trees)
            + size_of_val(&*self.nodes)
            + size_of_val(&*self.blocks)
            + size_of_val(&*self.protocols)
            + size_of_val(&*self.answers)
    }
}

/// Whether every rule is one box, of at most 32 sets of protocols.
pub(super) fn is_plain<B: Bits>(rules: &Rules<'_, B>) -> bool {
    let one = |sets: &[&RangeSet<u16>]| sets.iter().all(|set| set.intervals().len() == 1);
    let addresses = rules.sources.values.iter().chain(&rules.destinations.values);
    rules.protocols.values.len() <= 32
        && one(&rules.source_ports.values)
        && one(&rules.destination_ports.values)
        && addresses.map(|set| set.intervals().len()).all(|ranges| ranges == 1)
}

type Boxes<B> = (Vec<Plain<B>>, Box<[u32; 256]>);

fn plain<B: Bits>(rules: &Rules<'_, B>) -> Result<Boxes<B>, Unfit> {
    if !is_plain(rules) {
        return Err(Unfit::Rules("a rule has several ranges in one field"));
    }
    let mut protocols = Box::new([0u32; 256]);
    for (set, bit) in rules.protocols.values.iter().zip(0..32) {
        for protocol in set.iter() {
            protocols[usize::from(protocol.number())] |= 1 << bit;
        }
    }
    let address = |set: &RangeSet<B>| ends(set.intervals()[0]);
    let port = |set: &RangeSet<u16>| {
        let (first, last) = ends(set.intervals()[0]);
        (B::from(first), B::from(last))
    };
    let boxes = rules.entries.iter().map(|entry| Plain {
        fields: [
            address(rules.sources.values[entry.source as usize]),
            address(rules.destinations.values[entry.destination as usize]),
            port(rules.source_ports.values[entry.source_ports as usize]),
            port(rules.destination_ports.values[entry.destination_ports as usize]),
        ],
        protocols: 1 << entry.protocols,
    });
    Ok((boxes.collect(), protocols))
}

fn ends<T: Coordinate>(range: Interval<T>) -> (T, T) {
    (range.first(), range.last())
}

/// The entries of each tree, ascending, and last those that no tree suits.
fn groups<B: Bits>(boxes: &[Plain<B>]) -> Vec<Vec<u32>> {
    let wide = WIDE * (B::WIDTH / 32);
    let mut groups = vec![Vec::new(); 4];
    for (plain, entry) in boxes.iter().zip(0u32..) {
        let is_wide = |(first, last): (B, B)| last.minus(first).width() >= wide;
        let group =
            2 * usize::from(is_wide(plain.fields[0])) + usize::from(is_wide(plain.fields[1]));
        groups[group].push(entry);
    }
    let wide_ones = groups.pop().unwrap_or_default();
    // A tree of a few rules costs a lookup more than their place among the wide ones.
    let (mut large, small): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| group.len() > 4 * LEAF);
    let mut rest = [small.concat(), wide_ones].concat();
    rest.sort_unstable();
    large.push(rest);
    large
}

/// Rows of bits for some of the rules, whose answers are the numbers of their entries.
fn bitsets<B: Bits>(rules: &Rules<'_, B>, entries: &[u32], limit: usize) -> Option<AnyBitsets<B>> {
    let rules = rules.numbered(entries);
    let classes = FieldClasses::new(&rules, limit).ok()?;
    AnyBitsets::new(&rules, classes, limit).ok()
}

struct Grower<'a, B> {
    boxes: &'a [Plain<B>],
    nodes: Vec<Node>,
    blocks: Vec<Block<B>>,
    /// Leaves with the same rules are one.
    leaves: HashMap<Vec<u32>, Node>,
    limit: usize,
}

/// What part of each field the rules of a node still lie in.
type Region<B> = [(B, B); 4];

/// A cut to consider: the slice `bits` long, `shift` from the right, of a field.
#[derive(Clone, Copy)]
struct Cut<B> {
    field: usize,
    shift: u32,
    bits: u32,
    /// The least value of the first slice.
    start: B,
    /// How many rules a lookup that hits a rule will find in its slice, on average.
    left: f64,
}

impl<B: Bits> Grower<'_, B> {
    fn node(&mut self, entries: &[u32], region: Region<B>, depth: usize) -> Result<Node, Unfit> {
        let bytes =
            size_of::<Node>() * self.nodes.len() + size_of::<Block<B>>() * self.blocks.len();
        if bytes > self.limit {
            return Err(Unfit::Size);
        }
        if entries.len() <= LEAF || depth == DEPTH {
            return self.leaf(entries);
        }
        let most = if depth == 0 { TOP_BITS } else { BITS };
        let Some(cut) = self.best_cut(entries, &region, most) else {
            return self.leaf(entries);
        };
        let start = self.nodes.len();
        let node = Node {
            start: u32::try_from(start).map_err(|_| Unfit::Size)?,
            blocks: 0,
            field: cut.field as u8,
            shift: cut.shift as u8,
            bits: cut.bits as u8,
        };
        let mut slices = vec![Vec::new(); 1 << cut.bits];
        for entry in entries {
            let (first, last) = self.slices(*entry, &region, cut);
            slices[first..=last].iter_mut().for_each(|slice| slice.push(*entry));
        }
        self.nodes.resize(start + slices.len(), node);
        for (child, slice) in slices.iter().enumerate() {
            let mut part = region;
            part[cut.field] = cut.start.block(child, cut.shift);
            self.nodes[start + child] = self.node(slice, part, depth + 1)?;
        }
        Ok(node)
    }

    fn leaf(&mut self, entries: &[u32]) -> Result<Node, Unfit> {
        if let Some(leaf) = self.leaves.get(entries) {
            return Ok(*leaf);
        }
        let leaf = Node {
            start: u32::try_from(self.blocks.len()).map_err(|_| Unfit::Size)?,
            blocks: u16::try_from(entries.len().div_ceil(LANES)).map_err(|_| Unfit::Size)?,
            field: LEAF_FIELD,
            shift: 0,
            bits: 0,
        };
        let boxes = self.boxes;
        self.blocks.extend(entries.chunks(LANES).map(|lanes| Block::of(boxes, lanes)));
        self.leaves.insert(entries.to_vec(), leaf);
        Ok(leaf)
    }

    /// The ends of a rule in a field, within the region.
    fn clipped(&self, entry: u32, region: &Region<B>, field: usize) -> (B, B) {
        let (first, last) = self.boxes[entry as usize].fields[field];
        (first.max(region[field].0), last.min(region[field].1))
    }

    /// The slices of a cut that a rule reaches into. What fills the region of the node is in
    /// all of them, for keys from outside come to any (see above).
    fn slices(&self, entry: u32, region: &Region<B>, cut: Cut<B>) -> (usize, usize) {
        let clipped = self.clipped(entry, region, cut.field);
        if clipped == region[cut.field] {
            return (0, (1 << cut.bits) - 1);
        }
        (clipped.0.slice(cut.shift, cut.bits), clipped.1.slice(cut.shift, cut.bits))
    }

    /// The cut that leaves the fewest rules, among those that copy few; `None` when none helps.
    fn best_cut(&self, entries: &[u32], region: &Region<B>, most: u32) -> Option<Cut<B>> {
        let mut best: Option<Cut<B>> = None;
        for field in 0..4 {
            let mut ends = entries
                .iter()
                .map(|entry| self.clipped(*entry, region, field))
                .filter(|ends| *ends != region[field]);
            let Some(one) = ends.next() else { continue };
            // How many bits it takes to tell the ends of any two rules apart.
            let differing = ends.fold(one.0.differing(one.1), |width, (first, last)| {
                width.max(one.0.differing(first)).max(one.0.differing(last))
            });
            for bits in 1..=most.min(differing) {
                let shift = differing - bits;
                let cut = Cut { field, shift, bits, start: one.0.block(0, differing).0, left: 0.0 };
                let mut steps = vec![0i64; (1 << bits) + 1];
                let mut copies = 0;
                for entry in entries {
                    let (first, last) = self.slices(*entry, region, cut);
                    steps[first] += 1;
                    steps[last + 1] -= 1;
                    copies += last - first + 1;
                }
                if bits > 1 && copies > 2 * entries.len() + (1 << bits) {
                    break;
                }
                let (mut inside, mut squares) = (0i64, 0.0);
                for step in &steps {
                    inside += step;
                    squares += (inside * inside) as f64;
                }
                // Slices with less than a block's worth of rules waste memory, and time with it.
                let wasted = (LANES << bits) as f64 / entries.len() as f64;
                let left = squares / copies as f64 + wasted;
                if best.is_none_or(|best| left < best.left) {
                    best = Some(Cut { left, ..cut });
                }
            }
        }
        best.filter(|best| best.left < 0.9 * entries.len() as f64)
    }
}
