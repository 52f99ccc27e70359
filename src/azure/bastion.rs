//! Bastion hosts (S10.30).

use super::part::Part;
use super::read::Stage;
use super::view::{View, unreadable};
use super::virtual_network;
use crate::model::ResourceId;
use crate::network::{BastionHost, BastionSku};

pub(super) fn read(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let sku = read_sku(stage, view);
    let mut host = BastionHost::new(id, sku);
    host.origin = view.at.clone().into();
    let (configurations, _) = view.split_objects("ipConfigurations", &mut stage.findings);
    for configuration in configurations {
        virtual_network::read_embedded_subnet(stage, &configuration, "subnet");
        let findings = &mut stage.findings;
        host.subnet = host.subnet.or_else(|| configuration.link("subnet", findings));
        host.public_address =
            host.public_address.or_else(|| configuration.link("publicIPAddress", findings));
    }
    let findings = &mut stage.findings;
    host.virtual_network = view.link("virtualNetwork", findings);
    if let Some(lists) = view.object("networkAcls", findings) {
        for rule in lists.split_objects("ipRules", findings).0 {
            host.client_prefixes.extend(rule.prefixes(&["addressPrefix"], findings).0);
        }
    }
    host.ip_connect = view.flag("enableIpConnect", false, findings);
    host.tunneling = view.flag("enableTunneling", false, findings);
    host.shareable_link = view.flag("enableShareableLink", false, findings);
    host.private_only = view.flag("enablePrivateOnlyBastion", false, findings);
    stage.parts.push(Part::BastionHost(host));
}

/// Azure's default is Basic.
fn read_sku(stage: &mut Stage, view: &View<'_, '_>) -> BastionSku {
    let findings = &mut stage.findings;
    let Some(sku) = view.object("sku", findings) else { return BastionSku::Basic };
    let Some(name) = sku.text("name", findings) else { return BastionSku::Basic };
    BastionSku::from_name(name).unwrap_or_else(|| {
        let expected = "a SKU of Bastion: read as Basic";
        findings.push(unreadable(sku.at.child("name"), name, expected));
        BastionSku::Basic
    })
}
