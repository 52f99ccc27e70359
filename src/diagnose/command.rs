//! Commands of the Azure command line that a person can paste into a shell.

use crate::analysis::repair::Edit;
use crate::model::{
    AddressItem, AddressSpec, AdminRule, PortSpec, ResourceId, SecurityRule, Value, is_expression,
};

/// `az network nsg rule create …`.
pub(super) fn create_rule(group: &ResourceId, rule: &SecurityRule) -> String {
    let mut command = Command::new("az network nsg rule create");
    command.of_group(group);
    command.option("-n", [rule.name.as_str()]);
    command.option("--priority", [known(&rule.priority)]);
    command.option("--direction", [known(&rule.direction)]);
    command.option("--access", [known(&rule.access)]);
    command.option("--protocol", [known(&rule.protocol)]);
    command.addresses("source", &rule.source);
    command.option("--source-port-ranges", ports(&rule.source_ports));
    command.addresses("destination", &rule.destination);
    command.option("--destination-port-ranges", ports(&rule.destination_ports));
    command.text
}

/// The command that makes a change of rules.
pub(super) fn edit_rule(group: &ResourceId, edit: &Edit) -> String {
    match edit {
        Edit::Insert(rule) => create_rule(group, rule),
        Edit::Replace { before, after } => update_rule(group, before, after),
        Edit::Remove(rule) => delete_rule(group, rule.name.as_str()),
    }
}

/// `az network nsg rule update …`, with the fields in which the rules of one name differ.
pub(super) fn update_rule(
    group: &ResourceId,
    before: &SecurityRule,
    after: &SecurityRule,
) -> String {
    let mut command = Command::new("az network nsg rule update");
    command.of_group(group);
    command.option("-n", [before.name.as_str()]);
    if before.priority != after.priority {
        command.option("--priority", [known(&after.priority)]);
    }
    if before.access != after.access {
        command.option("--access", [known(&after.access)]);
    }
    if before.protocol != after.protocol {
        command.option("--protocol", [known(&after.protocol)]);
    }
    if before.source != after.source {
        command.addresses("source", &after.source);
    }
    if before.source_ports != after.source_ports {
        command.option("--source-port-ranges", ports(&after.source_ports));
    }
    if before.destination != after.destination {
        command.addresses("destination", &after.destination);
    }
    if before.destination_ports != after.destination_ports {
        command.option("--destination-port-ranges", ports(&after.destination_ports));
    }
    command.text
}

/// `az network nsg rule delete …`.
pub(super) fn delete_rule(group: &ResourceId, rule: &str) -> String {
    let mut command = Command::new("az network nsg rule delete");
    command.of_group(group);
    command.option("-n", [rule]);
    command.text
}

/// `az network manager security-admin-config rule-collection rule create …`, for a collection
/// with this id.
pub(super) fn create_admin_rule(collection: &ResourceId, rule: &AdminRule) -> String {
    let configuration = collection.parent();
    let manager = configuration.as_ref().and_then(ResourceId::parent);
    let name = |id: &Option<ResourceId>, missing: &str| {
        id.as_ref().map_or_else(|| missing.to_owned(), |id| id.name().to_owned())
    };
    let mut command =
        Command::new("az network manager security-admin-config rule-collection rule create");
    command.place(collection);
    command.option("--network-manager-name", [name(&manager, "<network-manager>")]);
    command.option("--configuration-name", [name(&configuration, "<configuration>")]);
    command.option("--rule-collection-name", [collection.name()]);
    command.option("--rule-name", [rule.name.as_str()]);
    command.option("--kind", ["Custom"]);
    command.option("--priority", [known(&rule.priority)]);
    command.option("--direction", [known(&rule.direction)]);
    command.option("--access", [known(&rule.access)]);
    command.option("--protocol", [known(&rule.protocol)]);
    for (option, side) in [("--sources", &rule.source), ("--destinations", &rule.destination)] {
        for item in &side.items {
            let Some(prefix) = item.azure_text() else { continue };
            let kind = if matches!(item, AddressItem::Tag(_)) { "ServiceTag" } else { "IPPrefix" };
            command.option(
                option,
                [format!("address-prefix={prefix}"), format!("address-prefix-type={kind}")],
            );
        }
    }
    if !rule.source_ports.is_any() {
        command.option("--source-port-ranges", ports(&rule.source_ports));
    }
    command.option("--dest-port-ranges", ports(&rule.destination_ports));
    command.text
}

/// `az network vnet peering create …`.
pub(super) fn create_peering(network: &ResourceId, name: &str, remote: &ResourceId) -> String {
    let mut command = peering("create", network, name);
    command.option("--remote-vnet", [remote.as_str()]);
    command.option::<&str>("--allow-vnet-access", []);
    command.text
}

/// `az network vnet peering delete …`.
pub(super) fn delete_peering(network: &ResourceId, name: &str) -> String {
    peering("delete", network, name).text
}

/// `az network vnet peering sync …`.
pub(super) fn sync_peering(network: &ResourceId, name: &str) -> String {
    peering("sync", network, name).text
}

/// `az network vnet peering update … --set allowVirtualNetworkAccess=true`.
pub(super) fn open_peering(network: &ResourceId, name: &str) -> String {
    let mut command = peering("update", network, name);
    command.option("--set", ["allowVirtualNetworkAccess=true"]);
    command.text
}

fn peering(verb: &str, network: &ResourceId, name: &str) -> Command {
    let mut command = Command::new(&format!("az network vnet peering {verb}"));
    command.place(network);
    command.option("--vnet-name", [network.name()]);
    command.option("-n", [name]);
    command
}

/// `az network vnet subnet update … --remove routeTable`.
pub(super) fn remove_route_table(subnet: &ResourceId) -> String {
    let network = subnet.parent();
    let mut command = Command::new("az network vnet subnet update");
    command.place(subnet);
    let network = network.as_ref().map_or("<virtual-network>", ResourceId::name);
    command.option("--vnet-name", [network]);
    command.option("-n", [subnet.name()]);
    command.option("--remove", ["routeTable"]);
    command.text
}

/// `az network bastion update …`.
pub(super) fn update_bastion(host: &ResourceId, option: &str, value: &str) -> String {
    let mut command = Command::new("az network bastion update");
    command.place(host);
    command.option("-n", [host.name()]);
    command.option(option, [value]);
    command.text
}

struct Command {
    text: String,
}

impl Command {
    fn new(verb: &str) -> Self {
        Self { text: verb.to_owned() }
    }

    /// Where the resource is. Namesakes in another subscription stay as they are, whichever
    /// subscription the shell is in.
    fn place(&mut self, id: &ResourceId) {
        self.option("-g", [id.resource_group().unwrap_or("<resource-group>")]);
        let subscription = id.subscription().filter(|id| !is_expression(id));
        if let Some(subscription) = subscription {
            self.option("--subscription", [subscription]);
        }
    }

    fn of_group(&mut self, group: &ResourceId) {
        self.place(group);
        self.option("--nsg-name", [group.name()]);
    }

    fn option<S: AsRef<str>>(&mut self, name: &str, values: impl IntoIterator<Item = S>) {
        self.text.push(' ');
        self.text.push_str(name);
        for value in values {
            self.text.push(' ');
            self.text.push_str(&quoted(value.as_ref()));
        }
    }

    fn addresses(&mut self, side: &str, spec: &AddressSpec) {
        let asgs: Vec<&str> = spec.asgs().map(ResourceId::as_str).collect();
        if !asgs.is_empty() {
            self.option(&format!("--{side}-asgs"), asgs);
            return;
        }
        let items = spec.items.iter().filter_map(AddressItem::azure_text);
        self.option(&format!("--{side}-address-prefixes"), items);
    }
}

fn known<T: ToString>(value: &Value<T>) -> String {
    match value {
        Value::Known(value) => value.to_string(),
        Value::Unknown(unknown) => unknown.text().to_owned(),
    }
}

fn ports(ports: &PortSpec) -> Vec<String> {
    if ports.is_any() {
        return vec!["*".to_owned()];
    }
    ports.known.to_string().split(',').map(|item| item.trim().to_owned()).collect()
}

/// The word as a POSIX shell takes it literally.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else if word.contains(char::is_control) {
        // `$'…'` spells out what a terminal would obey.
        let mut text = "$'".to_owned();
        for letter in word.chars() {
            match letter {
                '\'' | '\\' => text.extend(['\\', letter]),
                _ if letter.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(letter))),
                _ => text.push(letter),
            }
        }
        text.push('\'');
        text
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Priority;

    #[test]
    fn words_that_a_shell_would_read_are_quoted() {
        for (word, expected) in [
            ("10.0.1.0/26", "10.0.1.0/26"),
            ("*", "'*'"),
            ("<resource-group>", "'<resource-group>'"),
            ("it's", r"'it'\''s'"),
            ("\u{1b}[2J'\n", r"$'\u001b[2J\'\u000a'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn an_update_names_what_changes_alone() {
        let before: SecurityRule =
            "100 AllowPing allow inbound icmp 10.0.0.0/8:* -> *:8".parse().unwrap();
        let mut after = before.clone();
        after.destination_ports = PortSpec::any();
        let group = ResourceId::new("nsg-vm");
        let start =
            "az network nsg rule update -g '<resource-group>' --nsg-name nsg-vm -n AllowPing";
        assert_eq!(
            update_rule(&group, &before, &after),
            format!("{start} --destination-port-ranges '*'")
        );
        after = before.clone();
        after.priority = Priority::new(110).into();
        assert_eq!(update_rule(&group, &before, &after), format!("{start} --priority 110"));
        assert_eq!(
            delete_rule(&group, "AllowPing"),
            "az network nsg rule delete -g '<resource-group>' --nsg-name nsg-vm -n AllowPing"
        );
    }

    #[test]
    fn a_rule_becomes_one_command_with_every_field() {
        let rule: SecurityRule =
            "999 AllowBastionSsh allow inbound tcp 10.0.1.0/26:* -> 10.0.0.4/32:22,2222"
                .parse()
                .unwrap();
        let group = ResourceId::new(
            "/subscriptions/s/resourceGroups/rg app/providers/Microsoft.Network/networkSecurityGroups/nsg-vm",
        );
        assert_eq!(
            create_rule(&group, &rule),
            "az network nsg rule create -g 'rg app' --subscription s --nsg-name nsg-vm -n AllowBastionSsh \
             --priority 999 --direction Inbound --access Allow --protocol Tcp \
             --source-address-prefixes 10.0.1.0/26 --source-port-ranges '*' \
             --destination-address-prefixes 10.0.0.4/32 --destination-port-ranges 22 2222"
        );
    }

    /// The words of a command as a shell passes them on.
    #[cfg(feature = "proptest")]
    fn words(command: &str) -> Vec<String> {
        let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
        let mut letters = command.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\'' => is_quoted = !is_quoted,
                '\\' if !is_quoted => word.extend(letters.next()),
                ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
                _ => word.push(letter),
            }
        }
        words.push(word);
        words
    }

    /// What the command line of Azure would make of the command: the rule itself.
    #[cfg(feature = "proptest")]
    #[test]
    fn a_command_reads_back_as_its_rule() {
        use serde_json::{Value, json};

        use crate::azure::read;
        use crate::strategies::{Choices, Generator, Shape};
        let group = ResourceId::new("nsg");
        let mut with_asgs = 0;
        for seed in 0..500 {
            let mut generator = Generator::new(Choices::from_seed(seed), Shape::definite());
            let rule = SecurityRule { description: None, ..generator.rule() };
            let words = words(&create_rule(&group, &rule));
            let option = |name: &str| -> Option<Vec<&str>> {
                let start = words.iter().position(|word| word == name)? + 1;
                let values = words[start..].iter().take_while(|word| !word.starts_with("--"));
                Some(values.map(String::as_str).collect())
            };
            let ids = |name: &str| -> Vec<Value> {
                let ids = option(name).unwrap_or_default();
                ids.iter().map(|id| json!({ "id": id })).collect()
            };
            with_asgs += usize::from(option("--source-asgs").is_some());
            let document = json!({
                "type": "Microsoft.Network/networkSecurityGroups",
                "name": option("--nsg-name").unwrap()[0],
                "properties": { "securityRules": [{
                    "name": option("-n").unwrap()[0],
                    "properties": {
                        "priority": option("--priority").unwrap()[0].parse::<u32>().unwrap(),
                        "direction": option("--direction").unwrap()[0],
                        "access": option("--access").unwrap()[0],
                        "protocol": option("--protocol").unwrap()[0],
                        "sourcePortRanges": option("--source-port-ranges"),
                        "destinationPortRanges": option("--destination-port-ranges"),
                        "sourceAddressPrefixes": option("--source-address-prefixes"),
                        "destinationAddressPrefixes": option("--destination-address-prefixes"),
                        "sourceApplicationSecurityGroups": ids("--source-asgs"),
                        "destinationApplicationSecurityGroups": ids("--destination-asgs"),
                    },
                }] },
            });
            let mut network = read(document.to_string().as_bytes()).unwrap().network;
            let mut read = network.security_groups.remove(0).rules.remove(0);
            read.origin = rule.origin.clone();
            assert_eq!(read, rule, "{}", create_rule(&group, &rule));
        }
        assert!(with_asgs > 10, "{with_asgs}");
    }
}
