//! A report as it may be shown: no control character of the input reaches the reader's terminal.

use super::changes::{Changes, OtherWay};
use super::near_miss::NearMiss;
use super::repair::Repair;
use super::report::{
    BastionLine, BastionReport, BastionTable, Cause, GateReport, LegReport, Subject,
};
use crate::model::ResourceId;
use crate::report::printable;

/// What holds text of the input.
pub(super) trait Printable {
    /// Spells out the control characters.
    fn spell_out(&mut self);

    /// A copy that may be shown.
    #[must_use]
    fn printable(&self) -> Self
    where
        Self: Clone,
    {
        let mut copy = self.clone();
        copy.spell_out();
        copy
    }
}

impl Printable for String {
    fn spell_out(&mut self) {
        if self.contains(char::is_control) {
            *self = printable(self).into_owned();
        }
    }
}

impl Printable for ResourceId {
    fn spell_out(&mut self) {
        if self.as_str().contains(char::is_control) {
            *self = Self::new(&printable(self.as_str()));
        }
    }
}

impl<T: Printable> Printable for Option<T> {
    fn spell_out(&mut self) {
        self.iter_mut().for_each(T::spell_out);
    }
}

impl<T: Printable> Printable for Vec<T> {
    fn spell_out(&mut self) {
        self.iter_mut().for_each(T::spell_out);
    }
}

impl<T: Printable> Printable for Box<T> {
    fn spell_out(&mut self) {
        self.as_mut().spell_out();
    }
}

macro_rules! of_members {
    ($($type:ty: $($member:ident)+;)+) => {
        $(impl Printable for $type {
            fn spell_out(&mut self) {
                $(self.$member.spell_out();)+
            }
        })+
    };
}

// The commands of a repair are lines for a shell, which quote control characters themselves.
of_members! {
    BastionReport: summary subject legs blockers warnings near_misses repairs unknown assumptions other_causes;
    BastionTable: vms;
    BastionLine: vm resource_group summary;
    Subject: vm address bastion bastion_addresses;
    LegReport: flow gates without_group;
    GateReport: applied_to nsg manager rule_name input pointer;
    Cause: gate nsg rule rule_name message pointer offer;
    NearMiss: nsg rule message pointer;
    Repair: nsg opens closes changes others also_needs note;
    Changes: opened closed but;
    OtherWay: text changes;
}
