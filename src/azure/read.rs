//! One document becomes parts: every shape that Azure, its command line and its templates use
//! is taken apart here, down to single resources.

use super::document::Sink;
use super::json::{Members, Node};
use super::kind::{Kind, stated_type};
use super::part::Part;
use super::view::{View, unknown};
use super::{admin, bastion, effective, group, interface, route, virtual_network};
use crate::model::{Mode, ResourceId, UnknownValue, is_expression};
use crate::report::{Code, Finding, Location, Severity};

/// The parts of one document, and what is to be said about it.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) mode: Mode,
    pub(super) parts: Vec<Part>,
    pub(super) findings: Vec<Finding>,
    /// Whether anything of a known kind was seen, even if nothing of it could be kept.
    pub(super) has_recognised: bool,
    /// What decides whether the resource or template that is being read exists at all.
    pub(super) condition: Option<UnknownValue>,
    /// The kinds of resources seen so far: what goes on where a list is cut.
    kinds: Vec<Kind>,
}

/// The members that hold the resources of an answer or a template.
pub(super) const CONTAINERS: [&str; 3] = ["value", "resources", "data"];

/// The resource around a nested child: its id and its type.
#[derive(Clone, Copy)]
struct Parent<'p> {
    id: &'p ResourceId,
    kind: &'p str,
}

impl<'a> Sink<'a> for Stage {
    fn take(&mut self, node: Node<'a>, at: Location) {
        if node.has_repeated_names() {
            self.note_overruled(&node, &at);
        }
        self.read(&node, at, None);
    }
}

impl Stage {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            mode,
            parts: Vec::new(),
            findings: Vec::new(),
            has_recognised: false,
            condition: None,
            kinds: Vec::new(),
        }
    }

    fn read(&mut self, node: &Node<'_>, at: Location, parent: Option<Parent<'_>>) {
        match node {
            Node::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.read(node, at.child(index), parent);
                }
            }
            Node::Object(members) => self.read_object(members, at, parent),
            Node::Text(text) if is_expression(text) => self.read_unknown(text, at, parent),
            _ => {}
        }
    }

    /// An expression in the place of resources: any number of any kind, or of those that can be
    /// nested in their parent.
    fn read_unknown(&mut self, text: &str, at: Location, parent: Option<Parent<'_>>) {
        let message = format!("what resources the expression `{text}` stands for is not known");
        self.findings.push(unknown(at, message));
        let text = UnknownValue::new(text);
        let kinds = parent.map(|parent| (parent, Kind::of_type(parent.kind)));
        let Some((parent, Some(kind))) = kinds else {
            return self.parts.push(Part::Unlisted { kind: None, parent: None, text });
        };
        for kind in kind.children() {
            let (kind, parent) = (Some(*kind), Some(parent.id.clone()));
            self.parts.push(Part::Unlisted { kind, parent, text: text.clone() });
        }
    }

    fn read_object(&mut self, members: &Members<'_>, at: Location, parent: Option<Parent<'_>>) {
        let view = View::new(members, at);
        let stated = stated_type(members, parent.map(|parent| parent.kind));
        let kind = match &stated {
            Some(name) => Kind::of_type(name).or_else(|| Kind::of_shape(&view)),
            None => view.own_text("id").and_then(Kind::of_id).or_else(|| Kind::of_shape(&view)),
        };
        let Some(kind) = kind else {
            if let Some((name, text)) = unknown_identity(&view) {
                self.read_unknown(text, view.at.child(name), parent);
            } else if stated.is_none() {
                self.read_wrapper(&view, parent);
            }
            return;
        };
        self.has_recognised = true;
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        if matches!(members.get("condition"), Some(Node::Bool(false))) {
            return;
        }
        self.note_existence(kind, &view);
        let outer = self.condition.clone();
        self.condition = view.doubt().map(|doubt| doubt.text).or(outer.clone());
        if kind == Kind::Deployment {
            self.read_deployment(&view);
        } else {
            let id = identify(&view, stated.as_deref(), parent);
            self.read_resource(kind, &view, id.clone());
            if let (Some(id), Some(stated), Some(children)) = (id, stated, members.get("resources"))
            {
                let parent = Parent { id: &id, kind: &stated };
                self.read(children, view.at.child("resources"), Some(parent));
            }
        }
        self.condition = outer;
    }

    fn read_resource(&mut self, kind: Kind, view: &View<'_, '_>, id: Option<ResourceId>) {
        let Some(id) = id.or_else(|| group::id_of_effective(kind, view)) else {
            let message = if kind == Kind::Rule {
                "the rule does not tell its group, and is passed over: read its group, or rules \
                 with ids"
            } else {
                "the resource has neither an id nor a type and name, and is passed over"
            };
            self.report(Code::InvalidField, &view.at, message);
            let text = UnknownValue::new(view.own_text("id").unwrap_or("(no id)"));
            return self.parts.push(Part::Unlisted { kind: Some(kind), parent: None, text });
        };
        let is_of_unknown = id.parent().is_some_and(|parent| parent.is_unknown());
        // A rule itself goes to every group that may be meant.
        if is_of_unknown && kind != Kind::Rule {
            let text = UnknownValue::new(id.name());
            self.parts.push(Part::Unlisted { kind: Some(kind), parent: None, text });
        }
        match kind {
            Kind::SecurityGroup => group::read(self, view, id),
            Kind::Rule => group::read_child(self, view, &id),
            Kind::Effective => effective::read(self, view),
            Kind::VirtualNetwork => virtual_network::read(self, view, id),
            Kind::Subnet => virtual_network::read_child_subnet(self, view, id),
            Kind::Peering => virtual_network::read_child_peering(self, view, &id),
            Kind::NetworkInterface => interface::read(self, view, id),
            Kind::VirtualMachine => interface::read_machine(self, view, id),
            Kind::ApplicationSecurityGroup => interface::read_asg(self, view, id),
            Kind::PublicIpAddress => interface::read_public_address(self, view, id),
            Kind::PrivateEndpoint => interface::read_private_endpoint(self, view, id),
            Kind::BastionHost => bastion::read(self, view, id),
            Kind::RouteTable => route::read(self, view, id),
            Kind::Route => route::read_child(self, view, &id),
            Kind::AdminConfiguration => admin::read_configuration(self, view, id),
            Kind::AdminCollection => admin::read_collection(self, view, id),
            Kind::AdminRule => admin::read_rule(self, view, &id),
            Kind::NetworkGroup => admin::read_network_group(self, view, id),
            Kind::StaticMember => admin::read_static_member(self, view, &id),
            Kind::NetworkManager => admin::read_manager(self, view, id),
            Kind::Deployment => {}
        }
    }

    /// An object that is no resource may hold some: an answer's `value`, the `NewNSG` of
    /// `az network nsg create` (S10.5).
    fn read_wrapper(&mut self, view: &View<'_, '_>, parent: Option<Parent<'_>>) {
        let mut members = view.object.iter();
        if let (Some((name, only)), None) = (members.next(), members.next())
            && !CONTAINERS.contains(&name)
            && !name.eq_ignore_ascii_case("nextLink")
        {
            return self.read_only(only, view.at.child(name), parent);
        }
        for name in CONTAINERS {
            match view.object.find(name) {
                Some((key, Node::Object(named))) if name == "resources" => {
                    self.read_named(named, &view.at.child(key));
                }
                Some((key, node)) => self.read(node, view.at.child(key), parent),
                None => {}
            }
        }
        if let Some((key, Node::Text(_))) = view.object.find("nextLink") {
            self.note_cut(view.at.child(key));
        }
    }

    /// What a wrapper holds under a name of its own. Texts in it need be no resources.
    fn read_only(&mut self, only: &Node<'_>, at: Location, parent: Option<Parent<'_>>) {
        match only {
            Node::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.read_only(node, at.child(index), parent);
                }
            }
            Node::Object(_) => self.read(only, at, parent),
            _ => {}
        }
    }

    /// A list that ends before its end goes on with resources like those before.
    fn note_cut(&mut self, at: Location) {
        let message = "the list goes on at `nextLink`: resources are missing from the input";
        self.findings.push(unknown(at, message.to_owned()));
        let seen: Vec<Option<Kind>> = self.kinds.iter().copied().map(Some).collect();
        for kind in if seen.is_empty() { vec![None] } else { seen } {
            let text = UnknownValue::new("nextLink");
            self.parts.push(Part::Unlisted { kind, parent: None, text });
        }
    }

    /// Resources keyed by symbolic names (S10.9).
    fn read_named(&mut self, named: &Members<'_>, at: &Location) {
        for (name, node) in named.iter() {
            self.read(node, at.child(name), None);
        }
    }

    /// The resources of a nested deployment's template.
    fn read_deployment(&mut self, view: &View<'_, '_>) {
        let template = match (view.node("template"), view.unread("templateLink")) {
            (Some(Node::Object(members)), _) => members,
            (Some(Node::Text(text)), _) => return self.read_unknown(text, view.at.clone(), None),
            (_, Some(_)) => {
                let text = view.own_text("name").unwrap_or("(linked template)");
                let message = "the linked template is not in the input, nor what it deploys";
                self.findings.push(unknown(view.at.clone(), message.to_owned()));
                let text = UnknownValue::new(text);
                return self.parts.push(Part::Unlisted { kind: None, parent: None, text });
            }
            _ => return,
        };
        let at = view.at.child("properties").child("template").child("resources");
        match template.get("resources") {
            Some(Node::Object(named)) => self.read_named(named, &at),
            Some(list) => self.read(list, at, None),
            None => {}
        }
    }

    fn note_overruled(&mut self, node: &Node<'_>, at: &Location) {
        match node {
            Node::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.note_overruled(node, &at.child(index));
                }
            }
            Node::Object(members) => {
                for name in members.overruled() {
                    let message = format!(
                        "`{name}` stands here several times with different values: the last counts"
                    );
                    let (severity, code) = (Severity::Warning, Code::DuplicateMember);
                    self.findings.push(Finding::new(severity, code, at.child(name), message));
                }
                for (name, node) in members.iter() {
                    self.note_overruled(node, &at.child(name));
                }
            }
            _ => {}
        }
    }

    /// Where other resources rest on what a resource holds, its reader leaves room for its absence;
    /// that one of the others exists is an assumption.
    fn note_existence(&mut self, kind: Kind, view: &View<'_, '_>) {
        let outcome = match kind {
            // That of a rule is told with the rule.
            Kind::Rule | Kind::AdminRule => return,
            Kind::SecurityGroup
            | Kind::Peering
            | Kind::RouteTable
            | Kind::Route
            | Kind::AdminCollection
            | Kind::NetworkGroup
            | Kind::StaticMember
            | Kind::Deployment => "flows that rest on it are not decided",
            _ => "verdicts assume that it exists once",
        };
        self.findings.extend(view.doubt().map(|doubt| doubt.finding(outcome)));
    }

    /// What an object lacks that only names its resource.
    pub(super) fn note_reference(&mut self, at: &Location, what: &str) {
        let message = format!("the {what}: it is taken for a reference to one not in the input");
        self.findings.push(unknown(at.clone(), message));
    }

    pub(super) fn report(&mut self, code: Code, at: &Location, message: impl Into<String>) {
        self.findings.push(Finding::new(Severity::Error, code, at.clone(), message));
    }
}

/// The member and the expression that keep an object from telling what resource it is.
fn unknown_identity<'v>(view: &View<'v, '_>) -> Option<(&'v str, &'v str)> {
    let is_resource = ["name", "properties", "apiVersion"].iter().any(|name| view.has(name));
    ["type", "id"].into_iter().find_map(|name| match view.object.find(name) {
        Some((key, Node::Text(text))) if is_resource && is_expression(text) => {
            Some((key, text.as_ref()))
        }
        _ => None,
    })
}

/// The id of a resource: its own, or one made of its type and name, without subscription and
/// resource group (S10.12).
fn identify(
    view: &View<'_, '_>,
    stated: Option<&str>,
    parent: Option<Parent<'_>>,
) -> Option<ResourceId> {
    if let Some(id) = view.own_text("id").filter(|id| !is_expression(id)) {
        return Some(ResourceId::new(id));
    }
    let (kind, name) = (stated?, view.own_text("name")?);
    if let Some(parent) = parent.filter(|parent| kind.starts_with(parent.kind)) {
        let own_name = segments(name).pop()?;
        return Some(parent.id.child(kind.rsplit('/').next()?, &own_name));
    }
    let (provider, kinds) = kind.split_once('/')?;
    let mut names = segments(name).into_iter();
    let mut id = format!("/providers/{provider}");
    let kinds: Vec<&str> = kinds.split('/').collect();
    // An expression may stand for the names of parent and child together.
    let missing = kinds.len().saturating_sub(names.len());
    for (index, kind) in kinds.iter().enumerate() {
        let name =
            if index < missing { ResourceId::UNKNOWN_NAME.to_owned() } else { names.next()? };
        id.push_str(&format!("/{kind}/{name}"));
    }
    Some(ResourceId::new(&id))
}

/// The names in a resource name such as `nsg/rule`. An expression is one name, whatever slashes
/// it holds.
pub(super) fn segments(name: &str) -> Vec<String> {
    if is_expression(name) {
        vec![name.replace('/', "%2F")]
    } else {
        name.split('/').map(str::to_owned).collect()
    }
}
