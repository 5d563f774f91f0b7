//! Random changes of the registry against a naive model of it: what is refused is refused by both,
//! and every list, in every filter and page size, has what a naive filter leaves.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::house::{House, each};

/// Names that begin with one another: a key that ends too early would show.
const THINGS: [&str; 5] = ["t", "t1", "t11", "t:1", "u"];
const GROUPS: [&str; 6] = ["g", "g1", "g11", "g-1", "h", "h1"];
const TYPES: [&str; 2] = ["T", "T1"];
const BILLS: [&str; 2] = ["b", "b1"];
const ATTRIBUTES: [&str; 2] = ["a", "ab"];
const VALUES: [&str; 4] = ["", "x", "xy", "y"];
/// The attribute that both types call searchable.
const SEARCHABLE: &str = "a";
const PAGES: [usize; 3] = [1, 2, 250];

#[derive(Clone, Debug)]
enum Op {
    CreateThing(usize, Option<usize>, [usize; 2]),
    UpdateThing(usize, Option<usize>, [usize; 2], bool),
    DeleteThing(usize),
    CreateGroup(usize, Option<usize>),
    DeleteGroup(usize),
    Join(usize, usize),
    Leave(usize, usize),
    Attach(usize, usize, bool),
    Detach(usize, usize),
    Bill(usize, usize),
    Unbill(usize, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let (thing, group, of_type) = (0..THINGS.len(), 0..GROUPS.len(), 0..TYPES.len());
    let values = || [0..VALUES.len(), 0..VALUES.len()];
    let (maybe_type, maybe_group) =
        (proptest::option::of(of_type), proptest::option::of(group.clone()));
    prop_oneof![
        3 => (thing.clone(), maybe_type.clone(), values())
            .prop_map(|(thing, of, values)| Op::CreateThing(thing, of, values)),
        2 => (thing.clone(), maybe_type, values(), any::<bool>())
            .prop_map(|(thing, of, values, merges)| Op::UpdateThing(thing, of, values, merges)),
        1 => thing.clone().prop_map(Op::DeleteThing),
        3 => (group.clone(), maybe_group).prop_map(|(group, of)| Op::CreateGroup(group, of)),
        1 => group.clone().prop_map(Op::DeleteGroup),
        4 => (group.clone(), thing.clone()).prop_map(|(group, thing)| Op::Join(group, thing)),
        1 => (group, thing.clone()).prop_map(|(group, thing)| Op::Leave(group, thing)),
        2 => (thing.clone(), 0..2_usize, any::<bool>())
            .prop_map(|(thing, principal, alone)| Op::Attach(thing, principal, alone)),
        1 => (thing.clone(), 0..2_usize).prop_map(|(thing, one)| Op::Detach(thing, one)),
        2 => (0..BILLS.len(), thing.clone()).prop_map(|(bill, thing)| Op::Bill(bill, thing)),
        1 => (0..BILLS.len(), thing).prop_map(|(bill, thing)| Op::Unbill(bill, thing)),
    ]
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Thing {
    of: Option<&'static str>,
    attributes: BTreeMap<&'static str, &'static str>,
    version: i64,
    bill: Option<&'static str>,
}

/// The registry, naively.
#[derive(Default)]
struct Naive {
    things: BTreeMap<&'static str, Thing>,
    /// Each with its parent.
    groups: BTreeMap<&'static str, Option<&'static str>>,
    members: BTreeSet<(&'static str, &'static str)>,
    /// Thing, principal, whether it is exclusive.
    principals: BTreeSet<(&'static str, usize, bool)>,
}

impl Naive {
    fn top(&self, group: &'static str) -> &'static str {
        self.groups[group].map_or(group, |parent| self.top(parent))
    }

    fn is_below(&self, group: &'static str, other: &str) -> bool {
        self.groups[group].is_some_and(|parent| parent == other || self.is_below(parent, other))
    }

    /// Does it, if it may be done. Says whether.
    fn apply(&mut self, op: &Op) -> bool {
        match *op {
            Op::CreateThing(name, of, values) => self.create_thing(name, of, values),
            Op::UpdateThing(name, of, values, merges) => {
                let Some(thing) = self.things.get_mut(THINGS[name]) else { return false };
                thing.of = of.map(|of| TYPES[of]).or(thing.of);
                if !merges {
                    thing.attributes.clear();
                }
                thing.attributes.extend(given(values));
                thing.attributes.retain(|_, value| !value.is_empty());
                thing.version += 1;
                true
            }
            Op::DeleteThing(name) => {
                let name = THINGS[name];
                if self.principals.iter().any(|(thing, ..)| *thing == name) {
                    return false;
                }
                self.things.remove(name);
                self.members.retain(|(_, thing)| *thing != name);
                true
            }
            Op::CreateGroup(name, parent) => {
                let (name, parent) = (GROUPS[name], parent.map(|parent| GROUPS[parent]));
                match self.groups.get(name) {
                    Some(old) => *old == parent,
                    None if parent.is_some_and(|parent| !self.groups.contains_key(parent)) => false,
                    None => self.groups.insert(name, parent).is_none(),
                }
            }
            Op::DeleteGroup(name) => {
                let name = GROUPS[name];
                if self.groups.values().any(|parent| *parent == Some(name)) {
                    return false;
                }
                self.groups.remove(name);
                self.members.retain(|(group, _)| *group != name);
                true
            }
            Op::Join(group, thing) => self.join(GROUPS[group], THINGS[thing]),
            Op::Leave(group, thing) => {
                self.members.remove(&(GROUPS[group], THINGS[thing]));
                self.groups.contains_key(GROUPS[group]) && self.things.contains_key(THINGS[thing])
            }
            Op::Attach(thing, principal, alone) => self.attach(THINGS[thing], principal, alone),
            Op::Detach(thing, principal) => {
                self.principals.retain(|one| (one.0, one.1) != (THINGS[thing], principal));
                self.things.contains_key(THINGS[thing])
            }
            Op::Bill(bill, thing) => match self.things.get_mut(THINGS[thing]) {
                Some(thing) => *thing.bill.get_or_insert(BILLS[bill]) == BILLS[bill],
                None => false,
            },
            Op::Unbill(bill, thing) => {
                let Some(thing) = self.things.get_mut(THINGS[thing]) else { return false };
                thing.bill = thing.bill.filter(|one| *one != BILLS[bill]);
                true
            }
        }
    }

    fn create_thing(&mut self, name: usize, of: Option<usize>, values: [usize; 2]) -> bool {
        let mut attributes = given(values);
        attributes.retain(|_, value| !value.is_empty());
        let of = of.map(|of| TYPES[of]);
        match self.things.get(THINGS[name]) {
            Some(old) => (&old.of, &old.attributes, old.bill) == (&of, &attributes, None),
            None => {
                let thing = Thing { of, attributes, version: 1, bill: None };
                self.things.insert(THINGS[name], thing).is_none()
            }
        }
    }

    fn join(&mut self, group: &'static str, thing: &'static str) -> bool {
        if !self.groups.contains_key(group) || !self.things.contains_key(thing) {
            return false;
        }
        let top = self.top(group);
        let mut others = self.members.iter().filter(|(_, member)| *member == thing);
        if others.any(|(other, _)| *other != group && self.top(other) == top) {
            return false;
        }
        self.members.insert((group, thing));
        true
    }

    fn attach(&mut self, thing: &'static str, principal: usize, alone: bool) -> bool {
        if !self.things.contains_key(thing) {
            return false;
        }
        let mut others = self.principals.iter().filter(|one| one.1 == principal);
        let fits = others.all(|one| if one.0 == thing { one.2 == alone } else { !one.2 && !alone });
        if fits {
            self.principals.insert((thing, principal, alone));
        }
        fits
    }

    /// Whether a list of things shows it.
    fn shows(
        &self,
        name: &str,
        of: Option<&str>,
        attribute: Option<&str>,
        value: Option<(&str, bool)>,
    ) -> bool {
        let thing = &self.things[name];
        let Some(attribute) = attribute else { return of.is_none() || thing.of == of };
        let is_searchable = thing.of.is_none() || attribute == SEARCHABLE;
        let has_value = thing.attributes.get(attribute).is_some_and(|own| match value {
            None => true,
            Some((value, true)) => own.starts_with(value),
            Some((value, false)) => *own == value,
        });
        (of.is_none() || thing.of == of) && is_searchable && has_value
    }
}

fn given(values: [usize; 2]) -> BTreeMap<&'static str, &'static str> {
    ATTRIBUTES.into_iter().zip(values.map(|value| VALUES[value])).collect()
}

fn exclusive(alone: bool) -> &'static str {
    if alone { "EXCLUSIVE_THING" } else { "NON_EXCLUSIVE_THING" }
}

/// The request that an operation is.
fn request(op: &Op, principals: &[String]) -> (&'static str, Value) {
    let optional = |mut request: Value, name: &str, value: Option<&str>| {
        if let Some(value) = value {
            request[name] = json!(value);
        }
        request
    };
    let pair =
        |kind: &str, group: &str, thing: usize| json!({ kind: group, "thingName": THINGS[thing] });
    match *op {
        Op::CreateThing(name, of, values) => {
            let payload = json!({ "attributes": given(values) });
            let request = json!({ "thingName": THINGS[name], "attributePayload": payload });
            ("CreateThing", optional(request, "thingTypeName", of.map(|of| TYPES[of])))
        }
        Op::UpdateThing(name, of, values, merges) => {
            let payload = json!({ "attributes": given(values), "merge": merges });
            let request = json!({ "thingName": THINGS[name], "attributePayload": payload });
            ("UpdateThing", optional(request, "thingTypeName", of.map(|of| TYPES[of])))
        }
        Op::DeleteThing(name) => ("DeleteThing", json!({ "thingName": THINGS[name] })),
        Op::CreateGroup(name, parent) => {
            let request = json!({ "thingGroupName": GROUPS[name] });
            let parent = parent.map(|parent| GROUPS[parent]);
            ("CreateThingGroup", optional(request, "parentGroupName", parent))
        }
        Op::DeleteGroup(name) => ("DeleteThingGroup", json!({ "thingGroupName": GROUPS[name] })),
        Op::Join(group, thing) => {
            ("AddThingToThingGroup", pair("thingGroupName", GROUPS[group], thing))
        }
        Op::Leave(group, thing) => {
            ("RemoveThingFromThingGroup", pair("thingGroupName", GROUPS[group], thing))
        }
        Op::Attach(thing, principal, alone) => {
            let mut request = pair("principal", &principals[principal], thing);
            request["thingPrincipalType"] = json!(exclusive(alone));
            ("AttachThingPrincipal", request)
        }
        Op::Detach(thing, principal) => {
            ("DetachThingPrincipal", pair("principal", &principals[principal], thing))
        }
        Op::Bill(bill, thing) => {
            ("AddThingToBillingGroup", pair("billingGroupName", BILLS[bill], thing))
        }
        Op::Unbill(bill, thing) => {
            ("RemoveThingFromBillingGroup", pair("billingGroupName", BILLS[bill], thing))
        }
    }
}

/// Asserts that a list has these items, in every size of a page. Without `name` the items are
/// themselves names.
async fn has(
    house: &House,
    (operation, member, name): (&str, &str, Option<&str>),
    filter: Value,
    expected: impl IntoIterator<Item = &str>,
) {
    let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
    expected.sort();
    for size in PAGES {
        let mut request = filter.clone();
        request["maxResults"] = json!(size);
        let items = house.pages(operation, request, member).await;
        let names = name.map_or(items.clone(), |name| each(&items, name));
        let mut names: Vec<_> =
            names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(names, expected, "{operation} {filter} by {size}");
    }
}

async fn check_things(house: &House, naive: &Naive) {
    let values = [None, Some(("x", false)), Some(("x", true)), Some(("", true)), Some(("z", true))];
    for of in [None, Some("T"), Some("T1"), Some("T2")] {
        for attribute in [None, Some("a"), Some("ab"), Some("abc")] {
            for value in values.into_iter().filter(|value| attribute.is_some() || value.is_none()) {
                let mut filter = json!({});
                if let Some(of) = of {
                    filter["thingTypeName"] = json!(of);
                }
                if let Some(attribute) = attribute {
                    filter["attributeName"] = json!(attribute);
                }
                if let Some((value, is_prefix)) = value {
                    filter["attributeValue"] = json!(value);
                    filter["usePrefixAttributeValue"] = json!(is_prefix);
                }
                let names = naive.things.keys().copied();
                let expected = names.filter(|name| naive.shows(name, of, attribute, value));
                let list = ("ListThings", "things", Some("thingName"));
                has(house, list, filter, expected).await;
            }
        }
    }
    for (name, thing) in &naive.things {
        let described = house.ask("DescribeThing", json!({ "thingName": name })).await;
        assert_eq!(described["attributes"], json!(thing.attributes));
        assert_eq!(described["version"], json!(thing.version));
        assert_eq!(described.get("thingTypeName").cloned(), thing.of.map(Value::from));
        assert_eq!(described.get("billingGroupName").cloned(), thing.bill.map(Value::from));
        let groups = naive.members.iter().filter(|(_, thing)| thing == name);
        let list = ("ListThingGroupsForThing", "thingGroups", Some("groupName"));
        has(house, list, json!({ "thingName": name }), groups.map(|(group, _)| *group)).await;
    }
    for bill in BILLS {
        let things = naive.things.iter().filter(|(_, thing)| thing.bill == Some(bill));
        let list = ("ListThingsInBillingGroup", "things", None);
        let filter = json!({ "billingGroupName": bill });
        has(house, list, filter, things.map(|(name, _)| *name)).await;
    }
}

async fn check_groups(house: &House, naive: &Naive) {
    let parents = naive.groups.keys().map(|group| Some(*group)).chain([None]);
    for parent in parents {
        for prefix in ["", "g", "g1", "h1"] {
            for recursive in [None, Some(false), Some(true)] {
                let mut filter = json!({});
                if let Some(parent) = parent {
                    filter["parentGroup"] = json!(parent);
                }
                if !prefix.is_empty() {
                    filter["namePrefixFilter"] = json!(prefix);
                }
                if let Some(recursive) = recursive {
                    filter["recursive"] = json!(recursive);
                }
                let is_meant = |group: &&'static str| match parent {
                    None => recursive != Some(false) || naive.groups[group].is_none(),
                    Some(parent) if recursive == Some(true) => naive.is_below(group, parent),
                    Some(parent) => naive.groups[group] == Some(parent),
                };
                let groups = naive.groups.keys().copied().filter(is_meant);
                let list = ("ListThingGroups", "thingGroups", Some("groupName"));
                has(house, list, filter, groups.filter(|group| group.starts_with(prefix))).await;
            }
        }
        let Some(group) = parent else { continue };
        for recursive in [false, true] {
            let is_in =
                |other: &'static str| other == group || recursive && naive.is_below(other, group);
            let things = naive.members.iter().filter(|(other, _)| is_in(other));
            let filter = json!({ "thingGroupName": group, "recursive": recursive });
            let list = ("ListThingsInThingGroup", "things", None);
            has(house, list, filter, things.map(|(_, thing)| *thing)).await;
        }
    }
}

async fn check_principals(house: &House, naive: &Naive, principals: &[String]) {
    for wanted in [None, Some(false), Some(true)] {
        let filtered = |mut filter: Value| {
            if let Some(wanted) = wanted {
                filter["thingPrincipalType"] = json!(exclusive(wanted));
            }
            filter
        };
        let all = naive.principals.iter().filter(|one| wanted.is_none_or(|wanted| wanted == one.2));
        let all: Vec<_> = all.collect();
        for name in naive.things.keys() {
            let of = all.iter().filter(|one| one.0 == *name);
            let expected: Vec<_> = of.map(|one| &*principals[one.1]).collect();
            let filter = json!({ "thingName": name });
            if wanted.is_none() {
                let list = ("ListThingPrincipals", "principals", None);
                has(house, list, filter.clone(), expected.clone()).await;
            }
            let list = ("ListThingPrincipalsV2", "thingPrincipalObjects", Some("principal"));
            has(house, list, filtered(filter), expected).await;
        }
        for (number, principal) in principals.iter().enumerate() {
            let of = all.iter().filter(|one| one.1 == number);
            let expected: Vec<_> = of.map(|one| one.0).collect();
            let filter = json!({ "principal": principal });
            if wanted.is_none() {
                let list = ("ListPrincipalThings", "things", None);
                has(house, list, filter.clone(), expected.clone()).await;
            }
            let list = ("ListPrincipalThingsV2", "principalThingObjects", Some("thingName"));
            has(house, list, filtered(filter), expected).await;
        }
    }
}

async fn play(ops: Vec<Op>) {
    let house = House::open().await;
    for name in TYPES {
        let properties = json!({ "searchableAttributes": [SEARCHABLE] });
        let request = json!({ "thingTypeName": name, "thingTypeProperties": properties });
        house.ask("CreateThingType", request).await;
    }
    for name in BILLS {
        house.ask("CreateBillingGroup", json!({ "billingGroupName": name })).await;
    }
    let principals = [house.certificate(1).await, house.certificate(2).await];
    let mut naive = Naive::default();
    for op in ops {
        let (operation, request) = request(&op, &principals);
        let answer = house.call(operation, &request).await;
        assert_eq!(answer.is_ok(), naive.apply(&op), "{op:?} {answer:?}");
    }
    has(&house, ("ListThingTypes", "thingTypes", Some("thingTypeName")), json!({}), TYPES).await;
    let bills = ("ListBillingGroups", "billingGroups", Some("groupName"));
    has(&house, bills, json!({}), BILLS).await;
    has(&house, bills, json!({ "namePrefixFilter": "b1" }), ["b1"]).await;
    check_things(&house, &naive).await;
    check_groups(&house, &naive).await;
    check_principals(&house, &naive, &principals).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn lists_have_what_a_naive_filter_leaves(ops in proptest::collection::vec(op(), 20..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(ops));
    }
}
