//! Both ends of a flow.

use std::fmt;
use std::net::IpAddr;

use super::chain::Chain;
use super::gate::GateKind;
use super::holders::{End, Holders, translated};
use super::trace::ChainTrace;
use crate::eval::Verdict;
use crate::model::{Direction, Flow, ResourceId, SecurityGroup, ServiceTag};
use crate::net::Protocol;
use crate::network::{Network, NetworkInterface};
use crate::report::printable;
use crate::resolve::{ServiceTags, Topology, Unresolved};

/// The way of a flow through the gates at both its ends.
///
/// Inside Azure a flow must pass the outbound gates at its source and the inbound gates at its
/// destination (S3.15). An end that is no resource of the input has no gates here.
#[derive(Clone, Debug)]
pub struct Path {
    flow: Flow,
    source: Option<Passage>,
    destination: Option<Passage>,
    other_causes: Vec<String>,
}

/// The gates of one end and the flow as they see it.
#[derive(Clone, Debug)]
enum Passage {
    Known {
        chain: Chain,
        seen: Result<Flow, Unresolved>,
    },
    /// It is not known which resource holds the address.
    Unknown {
        address: IpAddr,
        kind: GateKind,
        reason: Unresolved,
    },
}

/// The answer for both ends of a flow.
///
/// Displayed as the verdict, then one gate to a line, then what it takes for granted.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PathVerdict {
    /// The flow.
    pub flow: Flow,
    /// The outbound gates at the source; `None` when it is no resource of the input.
    pub source: Option<ChainTrace>,
    /// The inbound gates at the destination; `None` when it is no resource of the input.
    pub destination: Option<ChainTrace>,
    /// The answer: both ends must allow (S3.15).
    pub verdict: Verdict,
    /// What the answer takes for granted, one sentence each.
    pub assumptions: Vec<String>,
    /// What can stop the flow although no rule does, one sentence each: a matter of routing or
    /// of the subscription, not of rules.
    pub other_causes: Vec<String>,
}

/// The ends of a flow cannot be told.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Several resources hold the address, because virtual networks overlap.
    #[error("address {address} is held by {}: name the one that is meant", list(holders))]
    Ambiguous {
        /// The address.
        address: IpAddr,
        /// The network interfaces, private endpoints or subnets that hold it.
        holders: Vec<ResourceId>,
    },
    /// Neither address belongs to the input.
    #[error("neither {source_address} nor {destination} is an address of this network")]
    NeitherEnd {
        /// The source.
        source_address: IpAddr,
        /// The destination.
        destination: IpAddr,
    },
    /// The interface that was named does not hold the address.
    #[error("network interface `{interface}` does not hold address {address}")]
    NotHeld {
        /// The interface.
        interface: ResourceId,
        /// The address.
        address: IpAddr,
    },
}

fn list(ids: &[ResourceId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    ids.join(" and ")
}

impl Network {
    /// The way of a flow through this network, with the built-in service tags alone. For more
    /// than one question, or with a catalogue, bind the names once with [`Network::bind`] and
    /// ask the [`Topology`].
    ///
    /// # Errors
    ///
    /// When an end cannot be told; see [`PathError`].
    pub fn path(&self, flow: &Flow) -> Result<Path, PathError> {
        self.clone().bind(ServiceTags::built_in()).path(flow)
    }
}

impl Topology {
    /// The way of a flow, its ends found by their addresses: a network interface or private
    /// endpoint that holds the address, else the subnet it lies in. A public address of the
    /// input as destination stands for the interface behind it (S3.18, S3.21).
    ///
    /// # Errors
    ///
    /// When several resources hold an address and none of them is next to the other end, or
    /// neither address belongs to the input.
    pub fn path(&self, flow: &Flow) -> Result<Path, PathError> {
        self.path_between(None, None, flow)
    }

    /// The way of a flow between network interfaces that the caller names: one or both, where
    /// the addresses alone do not tell.
    ///
    /// # Errors
    ///
    /// As [`Topology::path`], and when a named interface does not hold its address.
    pub fn path_between(
        &self,
        source: Option<&NetworkInterface>,
        destination: Option<&NetworkInterface>,
        flow: &Flow,
    ) -> Result<Path, PathError> {
        let sources = Holders::of(self, source, flow.source())?;
        let destinations = Holders::of(self, destination, flow.destination())?;
        let (sources, destinations) = sources.with(destinations, self);
        let is_translated = destinations.is_public();
        let (source, destination) = (sources.only(&destinations)?, destinations.only(&sources)?);
        if source.is_none() && destination.is_none() {
            let (source_address, destination) = (flow.source(), flow.destination());
            return Err(PathError::NeitherEnd { source_address, destination });
        }
        let (from, to) = (known(&source), known(&destination));
        let seen = match (&source, to) {
            (Some(Err(reason)), Some(_)) if is_translated => Err(reason.clone()),
            (_, Some(to)) if is_translated => translated(self, flow, from, to),
            _ => Ok(*flow),
        };
        let other_causes = other_causes(self, flow, from, to);
        let passage = |end: Result<End<'_>, Unresolved>, address, direction, seen| match end {
            Ok(end) => Passage::Known { chain: end.chain(self, direction), seen },
            Err(reason) => Passage::Unknown { address, kind: GateKind::nic(direction), reason },
        };
        Ok(Path {
            flow: *flow,
            source: source.map(|end| passage(end, flow.source(), Direction::Outbound, Ok(*flow))),
            destination: destination
                .map(|end| passage(end, flow.destination(), Direction::Inbound, seen)),
            other_causes,
        })
    }

    /// Why it is not known which resource holds the source, and which the destination, of flows
    /// between two addresses: whoever does may have any gates. `None` where one is known, where
    /// nobody holds the address, and where several certainly do.
    pub fn unknown_ends(&self, source: IpAddr, destination: IpAddr) -> [Option<Unresolved>; 2] {
        let holders = |address| Holders::of(self, None, address);
        let (Ok(sources), Ok(destinations)) = (holders(source), holders(destination)) else {
            return [None, None];
        };
        let (sources, destinations) = sources.with(destinations, self);
        [sources.only(&destinations), destinations.only(&sources)]
            .map(|end| end.ok().flatten().and_then(Result::err))
    }
}

fn known<'e, 'a>(end: &'e Option<Result<End<'a>, Unresolved>>) -> Option<&'e End<'a>> {
    end.as_ref()?.as_ref().ok()
}

/// What a change of this group's rules does to connections that were allowed before: they go on
/// (S3.26), unless the group's `flushConnection` has them evaluated again (S3.27).
pub fn existing_flows_survive(group: &SecurityGroup) -> bool {
    !group.flush_connection
}

impl Path {
    /// The flow.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The outbound gates at the source; `None` when it is no resource of the input, or nobody
    /// knows which.
    pub fn source(&self) -> Option<&Chain> {
        self.source.as_ref()?.chain()
    }

    /// The inbound gates at the destination; `None` when it is no resource of the input, or nobody
    /// knows which.
    pub fn destination(&self) -> Option<&Chain> {
        self.destination.as_ref()?.chain()
    }

    /// The answer, with every gate at both ends and every reason.
    pub fn evaluate(&self) -> PathVerdict {
        let source = self.source.as_ref().map(Passage::trace);
        let destination = self.destination.as_ref().map(Passage::trace);
        let ends = [&source, &destination];
        let verdict = both(ends.into_iter().flatten().map(ChainTrace::verdict));
        let mut assumptions: Vec<String> = Vec::new();
        // A certain deny at one end does not rest on what the other takes for granted.
        let decides = |end: &&ChainTrace| verdict != Verdict::Deny || end.verdict() == verdict;
        let deciding = ends.into_iter().flatten().filter(decides);
        for assumption in deciding.flat_map(ChainTrace::assumptions) {
            if !assumptions.contains(assumption) {
                assumptions.push(assumption.clone());
            }
        }
        let other_causes = self.other_causes.clone();
        PathVerdict { flow: self.flow, source, destination, verdict, assumptions, other_causes }
    }

    /// The answer alone.
    pub fn verdict(&self) -> Verdict {
        both([&self.source, &self.destination].into_iter().flatten().map(Passage::verdict))
    }
}

/// One certain deny decides; else anything not known does.
fn both(ends: impl Iterator<Item = Verdict>) -> Verdict {
    ends.fold(Verdict::Allow, |all, end| match (all, end) {
        (Verdict::Deny, _) | (_, Verdict::Deny) => Verdict::Deny,
        (Verdict::Indeterminate, _) | (_, Verdict::Indeterminate) => Verdict::Indeterminate,
        (Verdict::Allow, Verdict::Allow) => Verdict::Allow,
    })
}

impl Passage {
    fn chain(&self) -> Option<&Chain> {
        match self {
            Self::Known { chain, .. } => Some(chain),
            Self::Unknown { .. } => None,
        }
    }

    fn trace(&self) -> ChainTrace {
        match self {
            Self::Known { chain, seen: Ok(flow) } => chain.trace(flow),
            Self::Known { chain, seen: Err(reason) } => match &chain.end {
                Some(end) if !chain.gates().is_empty() => {
                    let kind = GateKind::nic(chain.direction());
                    ChainTrace::unknown(kind, end.clone(), reason.clone())
                }
                _ => ChainTrace::open(),
            },
            Self::Unknown { address, kind, reason } => {
                let end = ResourceId::new(&address.to_string());
                ChainTrace::unknown(*kind, end, reason.clone())
            }
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Known { chain, seen: Ok(flow) } => chain.evaluate(flow).verdict(),
            Self::Known { chain, .. } if chain.gates().is_empty() => Verdict::Allow,
            Self::Known { .. } | Self::Unknown { .. } => Verdict::Indeterminate,
        }
    }
}

/// What no rule can do about a flow, one sentence each.
fn other_causes(
    topology: &Topology,
    flow: &Flow,
    source: Option<&End<'_>>,
    destination: Option<&End<'_>>,
) -> Vec<String> {
    let mut causes = Vec::new();
    let networks = [source, destination].map(|end| end?.place(topology));
    if let [Some(from), Some(to)] = networks {
        let names = format!("`{}` and `{}`", from.name(), to.name());
        match topology.are_joined(from, to) {
            Some(true) => {}
            Some(false) => causes.push(format!(
                "no connected peering joins the virtual networks {names}: unless a gateway or an appliance routes between them, nothing arrives"
            )),
            None => causes.push(format!(
                "the input does not tell whether the peering between {names} is connected"
            )),
        }
    }
    let internet = topology.service_tags().addresses(&ServiceTag::internet());
    let is_mail = flow.protocol() == Protocol::TCP && flow.destination_port() == Some(25);
    if is_mail
        && source.is_some()
        && destination.is_none()
        && internet.is_some_and(|internet| internet.contains(flow.destination()))
    {
        causes.push(
            "outbound TCP 25 to the Internet may be blocked by the type of the subscription"
                .to_owned(),
        );
    }
    causes
}

impl PathVerdict {
    /// What is not known and keeps the answer from being definite, each thing once; empty when
    /// it is definite.
    pub fn unresolved(&self) -> Vec<&Unresolved> {
        let mut all = Vec::new();
        if self.verdict == Verdict::Indeterminate {
            let ends = [&self.source, &self.destination].into_iter().flatten();
            for reason in ends.flat_map(ChainTrace::unresolved) {
                if !all.contains(&reason) {
                    all.push(reason);
                }
            }
        }
        all
    }
}

impl fmt::Display for PathVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flow, verdict, .. } = self;
        write!(f, "{verdict}: {flow}")?;
        for (name, end) in [("source", &self.source), ("destination", &self.destination)] {
            match end {
                Some(trace) => write!(f, "\n{name}\n{trace}")?,
                None => write!(f, "\n{name}\n  outside this network, no gate")?,
            }
        }
        for reason in self.unresolved() {
            write!(f, "\nnot known: {}", printable(&reason.to_string()))?;
        }
        for assumption in &self.assumptions {
            write!(f, "\nassumed: {}", printable(assumption))?;
        }
        for cause in &self.other_causes {
            write!(f, "\nnote: {}", printable(&cause.to_string()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::testing::{id, network};
    use crate::network::{PeeringState, PrivateEndpoint, PublicIpAddress};

    use Verdict::{Allow, Deny, Indeterminate};

    const DENY_SSH_OUT: &str = "100 DenySsh deny outbound tcp *:* -> *:22";
    const DENY_SSH_IN: &str = "100 DenySsh deny inbound tcp *:* -> *:22";
    const SSH: &str = "tcp 10.1.0.4:50000 -> 10.0.0.4:22";

    /// Two peered networks with a machine in each, and an empty subnet.
    fn peers() -> Network {
        network(&[("hub", "10.0.0.0/16"), ("spoke", "10.1.0.0/16")])
            .with_subnet("hub/app", "10.0.0.0/24")
            .with_subnet("hub/AzureBastionSubnet", "10.0.1.0/26")
            .with_subnet("spoke/app", "10.1.0.0/24")
            .with_interface("server", "hub/app", "10.0.0.4")
            .with_interface("client", "spoke/app", "10.1.0.4")
            .with_peering("hub", "spoke")
    }

    fn evaluate(network: &Network, text: &str) -> PathVerdict {
        let path = network.path(&text.parse().unwrap()).unwrap();
        let verdict = path.evaluate();
        assert_eq!(path.verdict(), verdict.verdict);
        verdict
    }

    fn error(network: &Network, text: &str) -> PathError {
        network.path(&text.parse().unwrap()).unwrap_err()
    }

    /// S3.15.
    #[test]
    fn both_ends_must_allow() {
        let site = |client: &[&str], server: &[&str]| {
            let all = peers().with_group("client-nsg", &["client"], client);
            all.with_group("server-nsg", &["server"], server)
        };
        assert_eq!(evaluate(&site(&[], &[]), SSH).verdict, Allow);
        assert_eq!(evaluate(&site(&[DENY_SSH_OUT], &[]), SSH).verdict, Deny);
        assert_eq!(evaluate(&site(&[], &[DENY_SSH_IN]), SSH).verdict, Deny);
        let both = evaluate(&site(&[DENY_SSH_OUT], &[DENY_SSH_IN]), SSH);
        let ends = [both.source.unwrap(), both.destination.unwrap()];
        assert!(ends.iter().all(|end| end.verdict() == Deny));
        // The chains of the other directions have no part in it (S3.24).
        assert_eq!(evaluate(&site(&[DENY_SSH_IN], &[DENY_SSH_OUT]), SSH).verdict, Allow);
    }

    /// S6.6.
    #[test]
    fn an_always_allow_at_one_end_does_not_open_the_other() {
        let always = "1 Always alwaysallow outbound * *:* -> *:*";
        let all = peers().with_group("client-nsg", &["client"], &[DENY_SSH_OUT]).with_admin(
            "manager/c/config/r/rules",
            &["spoke"],
            &[always],
        );
        assert_eq!(evaluate(&all, SSH).verdict, Allow);
        let all = all.with_group("server-nsg", &["server"], &[DENY_SSH_IN]);
        assert_eq!(evaluate(&all, SSH).verdict, Deny);
    }

    /// S3.8, S3.12 over both ends.
    #[test]
    fn what_is_not_known_at_one_end_does_not_matter_when_the_other_denies() {
        let open =
            peers().with(|all| all.interface("client").security_group = Some(id("x").into()));
        let verdict = evaluate(&open, SSH);
        assert_eq!(verdict.verdict, Indeterminate);
        assert!(verdict.to_string().contains("not known: rules of security group `x`"));
        let denied = open.with_group("server-nsg", &["server"], &[DENY_SSH_IN]);
        assert_eq!(evaluate(&denied, SSH).verdict, Deny);
    }

    #[test]
    fn an_end_outside_has_no_gates_and_one_in_a_subnet_has_the_subnets() {
        let all = peers().with_group("nsg", &["hub/AzureBastionSubnet", "hub/app"], &[]);
        let from_internet = evaluate(&all, "tcp 203.0.113.7:50000 -> 10.0.0.4:22");
        assert_eq!(from_internet.source, None);
        assert_eq!(from_internet.verdict, Deny);
        let from_bastion = evaluate(&all, "tcp 10.0.1.5:50000 -> 10.0.0.4:22");
        assert_eq!(from_bastion.source.unwrap().gates()[0].kind, GateKind::SubnetOutbound);
        assert_eq!(from_bastion.verdict, Allow);
        let nowhere = error(&all, "tcp 203.0.113.7:50000 -> 203.0.113.8:22");
        assert!(matches!(nowhere, PathError::NeitherEnd { .. }), "{nowhere}");
    }

    /// Overlapping address spaces.
    #[test]
    fn an_address_held_twice_is_looked_for_next_to_the_other_end() {
        let twice = peers()
            .with(|all| {
                let spaces = network(&[("island", "10.0.0.0/16")]);
                all.virtual_networks.extend(spaces.virtual_networks);
            })
            .with_subnet("island/app", "10.0.0.0/24")
            .with_interface("castaway", "island/app", "10.0.0.4")
            .with_group("nsg", &["castaway"], &[DENY_SSH_IN]);
        // The client's network is peered with that of `server` alone.
        assert_eq!(evaluate(&twice, SSH).verdict, Allow);
        // From outside nothing tells.
        let from_internet = "tcp 203.0.113.7:50000 -> 10.0.0.4:22";
        let ambiguous = error(&twice, from_internet);
        assert_eq!(
            ambiguous.to_string(),
            "address 10.0.0.4 is held by `server` and `castaway`: name the one that is meant"
        );
        let topology = twice.bind(ServiceTags::built_in());
        let flow = from_internet.parse().unwrap();
        let named = |name: &str| {
            let interface = topology.network().network_interface(&id(name));
            topology.path_between(None, interface, &flow)
        };
        assert_eq!(named("castaway").unwrap().verdict(), Deny);
        assert_eq!(named("server").unwrap().verdict(), Allow);
        assert!(matches!(named("client"), Err(PathError::NotHeld { .. })));
    }

    #[test]
    fn a_missing_peering_is_another_cause_and_no_verdict() {
        let causes = |network: &Network| evaluate(network, SSH).other_causes;
        assert_eq!(causes(&peers()), [] as [String; 0]);
        let state = |state: PeeringState| {
            peers().with(|all| {
                for name in ["hub", "spoke"] {
                    all.virtual_network_of(name).peerings[0].state = state.clone();
                }
            })
        };
        let broken = state(PeeringState::Disconnected);
        assert!(causes(&broken)[0].starts_with("no connected peering joins"));
        // S4.5: the default rules then do not let it in, which is a verdict of theirs.
        let verdict = evaluate(&broken.with_group("nsg", &["server"], &[]), SSH);
        assert_eq!(verdict.verdict, Deny);
        let one_sided = state(PeeringState::Unstated)
            .with(|all| all.virtual_network_of("hub").peerings.clear());
        assert!(causes(&one_sided)[0].contains("does not tell"));
    }

    /// S5.13.
    #[test]
    fn mail_to_the_internet_is_a_note() {
        let causes = |text: &str| evaluate(&peers(), text).other_causes.len();
        assert_eq!(causes("tcp 10.0.0.4:50000 -> 203.0.113.7:25"), 1);
        assert_eq!(causes("tcp 10.0.0.4:50000 -> 203.0.113.7:587"), 0);
        assert_eq!(causes("tcp 10.0.0.4:50000 -> 172.31.0.1:25"), 0);
    }

    fn published() -> Network {
        peers().with(|all| {
            let address = Some("20.1.2.3".parse().unwrap());
            all.public_addresses.push(PublicIpAddress::new(id("public"), address));
            all.interface("server").ip_configurations[0].public_address = Some(id("public").into());
        })
    }

    /// S3.18.
    #[test]
    fn a_public_address_stands_for_the_machine_behind_it() {
        let allow = "100 Ssh allow inbound tcp 203.0.113.0/24:* -> 10.0.0.4:22";
        let all = published().with_group("nsg", &["server"], &[allow]);
        assert_eq!(evaluate(&all, "tcp 203.0.113.7:50000 -> 20.1.2.3:22").verdict, Allow);
        assert_eq!(evaluate(&all, "tcp 198.51.100.7:50000 -> 20.1.2.3:22").verdict, Deny);
    }

    /// S3.21: out as traffic to the Internet, in with the translated source.
    #[test]
    fn a_neighbour_on_its_public_address_is_the_internet() {
        let through = "tcp 10.1.0.4:50000 -> 20.1.2.3:22";
        let no_internet = "100 NoInternet deny outbound * *:* -> Internet:*";
        let all = published().with_group("client-nsg", &["client"], &[no_internet]);
        assert_eq!(evaluate(&all, through).verdict, Deny);
        assert_eq!(evaluate(&all, SSH).verdict, Allow);

        let default_rules = published().with_group("nsg", &["server"], &[]);
        let verdict = evaluate(&default_rules, through);
        assert_eq!(verdict.verdict, Indeterminate, "the client's public address is not known");
        let known = default_rules.with(|all| {
            let address = Some("20.9.9.9".parse().unwrap());
            all.public_addresses.push(PublicIpAddress::new(id("client-ip"), address));
            let configuration = &mut all.interface("client").ip_configurations[0];
            configuration.public_address = Some(id("client-ip").into());
        });
        assert_eq!(evaluate(&known, through).verdict, Deny, "not in VirtualNetwork any more");
        assert_eq!(evaluate(&published(), through).verdict, Allow, "no gate, nothing to know");
    }

    /// S3.33: the client's outbound rules apply all the same (S3.34).
    #[test]
    fn a_private_endpoint_is_found_by_its_address() {
        let site = |client: &[&str]| {
            let closed = "100 DenyAll deny inbound * *:* -> *:*";
            let all = peers().with_group("nsg", &["hub/app"], &[closed]);
            all.with_group("client-nsg", &["client"], client).with(|all| {
                let mut endpoint = PrivateEndpoint::new(id("vault"), Some(id("hub/app").into()));
                endpoint.addresses.push("10.0.0.9".parse().unwrap());
                all.private_endpoints.push(endpoint);
            })
        };
        let https = "tcp 10.1.0.4:50000 -> 10.0.0.9:443";
        assert_eq!(evaluate(&site(&[]), https).verdict, Allow);
        assert_eq!(evaluate(&site(&[]), "tcp 10.1.0.4:50000 -> 10.0.0.4:443").verdict, Deny);
        let no_https = "100 NoHttps deny outbound tcp *:* -> *:443";
        assert_eq!(evaluate(&site(&[no_https]), https).verdict, Deny);
    }

    /// S3.22: a forwarding appliance meets its gates with the packet's own addresses.
    #[test]
    fn an_appliance_is_asked_with_the_ends_of_the_packet() {
        let transit = "100 Transit allow inbound tcp 10.1.0.4:* -> 203.0.113.7:443";
        let all = peers().with_group("nsg", &["server"], &[transit]).bind(ServiceTags::built_in());
        let appliance = all.network().network_interface(&id("server")).unwrap();
        let configuration = &appliance.ip_configurations[0];
        let chain = Chain::of_interface(&all, appliance, configuration, Direction::Inbound);
        let verdict = |text: &str| chain.evaluate(&text.parse().unwrap()).verdict();
        assert_eq!(verdict("tcp 10.1.0.4:50000 -> 203.0.113.7:443"), Allow);
        assert_eq!(verdict("tcp 203.0.113.8:50000 -> 203.0.113.7:443"), Deny);
    }

    /// S3.26, S3.27.
    #[test]
    fn a_change_of_rules_leaves_connections_alone_unless_the_group_flushes() {
        let mut group = SecurityGroup::new(id("nsg"));
        assert!(existing_flows_survive(&group));
        group.flush_connection = true;
        assert!(!existing_flows_survive(&group));
    }

    #[test]
    fn a_verdict_reads_gate_by_gate() {
        let all = peers()
            .with_group("nsg-client", &["spoke/app"], &[])
            .with_group("nsg-app", &["hub/app"], &["100 NoSsh deny inbound tcp *:* -> *:22"])
            .with_group("nsg-vm", &["server"], &[]);
        assert_eq!(
            evaluate(&all, SSH).to_string(),
            "Deny: tcp 10.1.0.4:50000 -> 10.0.0.4:22\n\
             source\n  \
             subnet-outbound Allow         app: nsg-client 65000 AllowVnetOutBound\n\
             destination\n  \
             subnet-inbound  Deny          app: nsg-app 100 NoSsh\n  \
             nic-inbound     Allow         server: nsg-vm 65000 AllowVnetInBound \
             (not asked: a gate before it denies)"
        );
    }

    /// S4.15.
    #[test]
    fn an_address_in_both_tags_is_an_assumption_where_a_tag_decides() {
        let public_space = network(&[("hub", "20.0.0.0/16")])
            .with_subnet("hub/app", "20.0.0.0/24")
            .with_interface("server", "hub/app", "20.0.0.4");
        let flow = "tcp 20.0.0.5:50000 -> 20.0.0.4:22";
        let deny_internet = "100 NoInternet deny inbound * Internet:* -> *:*";
        let denied = public_space.clone().with_group("nsg", &["server"], &[deny_internet]);
        let verdict = evaluate(&denied, flow);
        assert_eq!(verdict.verdict, Deny, "{}", ServiceTag::internet());
        assert!(verdict.assumptions[0].contains("20.0.0.5 is in both tags"));
        let by_address = "100 ByAddress allow inbound * 20.0.0.5:* -> *:*";
        // Where another gate denies by address, no tag decides.
        let by_other = "100 Other deny inbound * 20.0.0.5:* -> *:*";
        let elsewhere = public_space
            .clone()
            .with_group("outer", &["hub/app"], &["100 All allow inbound * Internet:* -> *:*"])
            .with_group("nsg", &["server"], &[by_other]);
        let verdict = evaluate(&elsewhere, flow);
        assert_eq!((verdict.verdict, verdict.assumptions.len()), (Deny, 0));
        let allowed = public_space.with_group("nsg", &["server"], &[by_address]);
        assert_eq!(evaluate(&allowed, flow).assumptions, [] as [String; 0]);
        assert_eq!(
            evaluate(&peers().with_group("nsg", &["server"], &[]), SSH).assumptions.len(),
            0
        );
    }

    /// S4.1, S4.6.
    #[test]
    fn a_gateway_is_taken_to_learn_no_public_prefixes() {
        let all = peers().with_subnet("hub/GatewaySubnet", "10.0.255.0/27");
        let all = all.with_group("nsg", &["server"], &[]);
        let from_internet = evaluate(&all, "tcp 203.0.113.7:50000 -> 10.0.0.4:22");
        assert_eq!(from_internet.verdict, Deny);
        assert!(from_internet.assumptions[0].contains("gateway of `hub`"));
        let on_premises = evaluate(&all, "tcp 192.168.1.1:50000 -> 10.0.0.4:22");
        assert_eq!(on_premises.verdict, Indeterminate);
        assert!(
            on_premises
                .to_string()
                .contains("prefixes behind the gateway of virtual network `hub`")
        );
        assert_eq!(evaluate(&all, SSH).assumptions.len(), 0);
    }
}
