//! Route tables (S10.29).

use super::part::Part;
use super::read::{Stage, segments};
use super::view::View;
use crate::model::{ResourceId, ServiceTag, UnknownValue, is_expression};
use crate::net::Prefix;
use crate::network::{NextHop, Route, RouteDestination, RouteTable};
use crate::report::{Code, Finding};

pub(super) fn read(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let mut table = RouteTable::new(id);
    table.origin = view.at.clone().into();
    let (routes, unknown) = view.split_objects("routes", &mut stage.findings);
    table.routes = routes.iter().map(|route| read_route(route, &mut stage.findings)).collect();
    table.routes.extend(unknown.into_iter().map(Route::unknown));
    if let Some(text) = &stage.condition {
        // Where the template does not make it, another table may go by its id.
        table.routes.iter_mut().for_each(|route| route.next_hop = NextHop::Unknown);
        table.routes.push(Route::unknown(text.clone()));
    }
    if view.is_reference(&["routes"]) {
        return stage.note_reference(&view.at, "route table has no routes, not even an empty list");
    }
    stage.parts.push(Part::RouteTable(table));
}

pub(super) fn read_child(stage: &mut Stage, view: &View<'_, '_>, id: &ResourceId) {
    let Some(table) = id.parent() else {
        let message = format!("the id `{id}` of the route does not tell its table");
        return stage.report(Code::InvalidField, &view.at, message);
    };
    let mut route = read_route(view, &mut stage.findings);
    if stage.condition.is_some() {
        route.next_hop = NextHop::Unknown;
    }
    stage.parts.push(Part::Route { table, route, at: view.at.clone() });
}

fn read_route(view: &View<'_, '_>, findings: &mut Vec<Finding>) -> Route {
    let name = view.own_text("name").and_then(|name| segments(name).pop()).unwrap_or_default();
    let destination = match view.text("addressPrefix", findings) {
        Some(text) => read_destination(text, view, findings),
        None => RouteDestination::Unknown(UnknownValue::new("(missing)")),
    };
    let next_hop = match view.text("nextHopType", findings) {
        Some(hop) => next_hop(hop),
        None => NextHop::Unknown,
    };
    Route::new(name, destination, next_hop)
}

/// A prefix, or a service tag.
fn read_destination(
    text: &str,
    view: &View<'_, '_>,
    findings: &mut Vec<Finding>,
) -> RouteDestination {
    if let Ok(prefix) = text.parse::<Prefix>() {
        return RouteDestination::Prefix(prefix);
    }
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) && !text.contains(['/', ':']) {
        return RouteDestination::Tag(ServiceTag::new(text));
    }
    let at = view.at.child("addressPrefix");
    match super::view::read_prefix(text, at, findings) {
        Some(prefix) if !is_expression(text) => RouteDestination::Prefix(prefix),
        _ => RouteDestination::Unknown(UnknownValue::new(text)),
    }
}

fn next_hop(text: &str) -> NextHop {
    let known = [
        ("Internet", NextHop::Internet),
        ("None", NextHop::None),
        ("VirtualAppliance", NextHop::VirtualAppliance),
        ("VirtualNetworkGateway", NextHop::VirtualNetworkGateway),
        ("VnetLocal", NextHop::VnetLocal),
    ];
    known
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map_or(NextHop::Unknown, |(_, hop)| *hop)
}
