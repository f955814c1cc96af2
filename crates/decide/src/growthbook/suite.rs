//! Holds the evaluation to GrowthBook's own suite and to numbers of its Python SDK; prints how many cases each section has, and why
//! a case is left out. `TSUBAME_REFERENCE_DIR` names another folder with the same file names.

use serde_json::{Map, Value, json};

use super::*;

/// Sections and cases that ask for what is not evaluated here.
const NOT_EVALUATED: [(&str, &str); 1] =
    [("decrypt", "no direct dependency of the workspace has AES-CBC, and payloads are served plain")];

#[allow(clippy::disallowed_methods)] // A test may read its own data.
fn read(name: &str) -> Value {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/reference").into();
    let folder = std::env::var_os("TSUBAME_REFERENCE_DIR").map_or(ours, std::path::PathBuf::from);
    let text = std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("could not read {name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The suite rounds some numbers to eight decimals.
const ROUNDED: f64 = 1e-8;

/// Equal but for the writing of numbers, which may be `apart`.
fn same(a: &Value, b: &Value, apart: f64) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() <= apart,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, apart)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b, apart)))
        }
        _ => a == b,
    }
}

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn context(value: &Value) -> Context {
    Context {
        attributes: value["attributes"].clone(),
        features: members(&value["features"]),
        groups: members(&value["savedGroups"]),
        forced: members(&value["forcedVariations"]),
        url: value["url"].as_str().unwrap_or_default().into(),
        disabled: value["enabled"] == json!(false),
        qa: value["qaMode"] == json!(true),
        sticky: None,
        bandits: members(&value["contextualBandits"]),
    }
}

fn floats(value: &Value) -> Option<Vec<f64>> {
    value.as_array().map(|all| all.iter().map(|one| one.as_f64().unwrap()).collect())
}

fn pairs(value: &Value) -> Vec<(f64, f64)> {
    value.as_array().unwrap().iter().map(|pair| (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap())).collect()
}

fn ranges(of: &Value) -> Vec<(f64, f64)> {
    bucket_ranges(of[0].as_u64().unwrap() as usize, of[1].as_f64().unwrap_or(1.0), floats(&of[2]).as_deref())
}

fn chosen(point: f64, ranges: &[(f64, f64)]) -> Value {
    choose_variation(point, ranges).map_or(json!(-1), |index| json!(index))
}

/// What the SDK reports, as far as the case names it and we do: not the experiment it hands back, nor what only it needs.
fn reported(feature: &Feature, expected: &Value) -> (Value, Value) {
    let mut expected = members(expected);
    expected.remove("experiment");
    let mut got = json!({"value": feature.value, "on": super::javascript::truthy(&feature.value), "off": !super::javascript::truthy(&feature.value), "source": feature.source});
    if expected.contains_key("ruleId") {
        got["ruleId"] = json!(feature.rule);
    }
    let named = expected.get_mut("experimentResult").and_then(Value::as_object_mut);
    if let (Some(outcome), Some(named)) = (&feature.outcome, named) {
        named.remove("featureId");
        let all = told(outcome);
        got["experimentResult"] = named.keys().map(|name| (name.clone(), all[name].clone())).collect::<Map<_, _>>().into();
    }
    (got, expected.into())
}

/// An outcome in the words of the suite.
fn told(outcome: &Outcome) -> Value {
    let mut told = json!({"key": outcome.key, "inExperiment": outcome.in_experiment, "hashUsed": outcome.hash_used, "variationId": outcome.variation,
        "value": outcome.value, "hashAttribute": outcome.hash_attribute, "hashValue": outcome.hash_value, "bucket": outcome.bucket,
        "name": outcome.name, "passthrough": outcome.passthrough, "stickyBucketUsed": outcome.sticky_used});
    if let Some(bandit) = &outcome.bandit {
        told.as_object_mut().unwrap().extend(members(bandit));
    }
    told
}

/// What a client with these documents is told, and what it has kept afterwards: of others' documents it knows nothing.
fn stuck(case: &Value) -> (Value, Value) {
    let mut context = context(&case[1]);
    let text = |value: &Value| super::javascript::text(value);
    let is_own = |document: &&Value| {
        let name = document["attributeName"].as_str().unwrap();
        text(&context.attributes[name]) == text(&document["attributeValue"])
    };
    let id = |document: &Value| format!("{}||{}", text(&document["attributeName"]), text(&document["attributeValue"]));
    let mut kept: Assignments =
        case[2].as_array().unwrap().iter().filter(is_own).map(|document| (id(document), document.clone())).collect();
    context.sticky = Some(kept.clone());
    let outcome = context.feature(case[3].as_str().unwrap()).outcome;
    kept.extend(outcome.iter().filter_map(|outcome| outcome.keep.clone()));
    let mut expected = case[4].clone();
    let got = match (&outcome, expected.as_object_mut()) {
        (Some(outcome), Some(named)) => {
            named.remove("featureId");
            let all = told(outcome);
            named.keys().map(|name| (name.clone(), all[name].clone())).collect::<Map<_, _>>().into()
        }
        (None, _) => Value::Null,
        (Some(outcome), None) => told(outcome),
    };
    (json!([got, kept]), json!([expected, case[5]]))
}

/// Where a browser is sent by the first of the experiments that takes it in and sends it anywhere.
fn sent(case: &Value) -> (Value, Value) {
    let context = context(&case[1]);
    let sent = case[1]["experiments"].as_array().unwrap().iter().find_map(|experiment| {
        let outcome = context.run(experiment);
        let to = outcome.value["urlRedirect"].as_str().filter(|_| outcome.in_experiment)?;
        let with = redirect(&context.url, to, experiment["persistQueryString"] == json!(true));
        Some(json!({"inExperiment": true, "urlRedirect": to, "urlWithParams": with}))
    });
    (Value::Array(sent.into_iter().collect()), case[2].clone())
}

/// What we get, and what the suite expects.
fn answer(section: &str, case: &Value) -> (Value, Value) {
    match section {
        "evalCondition" => (json!(meets(&case[2], &case[1], &members(&case[4]))), case[3].clone()),
        "hash" => (
            json!(hash(case[0].as_str().unwrap(), &super::javascript::text(&case[1]), case[2].as_u64().unwrap_or(0))),
            case[3].clone(),
        ),
        "getBucketRange" => (json!(ranges(&case[1])), case[2].clone()),
        "chooseVariation" => (chosen(case[1].as_f64().unwrap(), &pairs(&case[2])), case[3].clone()),
        "inNamespace" => {
            let range = (case[2][1].as_f64().unwrap(), case[2][2].as_f64().unwrap());
            (json!(in_namespace(case[1].as_str().unwrap(), case[2][0].as_str().unwrap(), range)), case[3].clone())
        }
        "getQueryStringOverride" => {
            let asked = query_override(case[1].as_str().unwrap(), case[2].as_str().unwrap(), case[3].as_u64().unwrap() as usize);
            (json!(asked), case[4].clone())
        }
        "getEqualWeights" => (json!(equal_weights(case[0].as_u64().unwrap_or(0) as usize)), case[1].clone()),
        "run" => {
            let outcome = context(&case[1]).run(&case[2]);
            (json!([outcome.value, outcome.in_experiment, outcome.hash_used]), json!([case[3], case[4], case[5]]))
        }
        "stickyBucket" => stuck(case),
        "urlRedirect" => sent(case),
        "feature" | "contextualBandit" => reported(&context(&case[1]).feature(case[2].as_str().unwrap()), &case[3]),
        other => panic!("a section nobody knows: {other}"),
    }
}

/// A family's own tolerance; those of bucketing are absolute.
fn apart(case: &Value) -> f64 {
    case["tolerance"]["abs"].as_f64().unwrap()
}

#[test]
fn the_language_neutral_suite() {
    let suite = read("growthbook-cases.json");
    let mut wrong = Vec::new();
    for (section, cases) in suite.as_object().unwrap().iter().filter(|(_, cases)| cases.is_array()) {
        if let Some((_, why)) = NOT_EVALUATED.iter().find(|(name, _)| name == section) {
            println!("{section}: {} left out: {why}", cases.as_array().unwrap().len());
            continue;
        }
        let mut held = 0;
        for case in cases.as_array().unwrap() {
            let (got, expected) = answer(section, case);
            held += 1;
            if !same(&got, &expected, ROUNDED) {
                wrong.push(format!("{section} {}: {got}, not {expected}", case[0]));
            }
        }
        println!("{section}: {held} held");
        assert!(held > 0, "{section}: no case");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_experiment_on_some_pages_takes_in_who_is_there() {
    let check = |url: &str, patterns: Value, expect: bool| {
        let context = Context { attributes: json!({"id": "1"}), url: url.into(), ..Context::default() };
        let experiment = json!({"key": "test", "variations": [0, 1], "urlPatterns": patterns});
        assert_eq!(context.run(&experiment).in_experiment, expect, "{url} {experiment}");
    };
    let cart = json!([{"type": "simple", "pattern": "/cart", "include": true}]);
    check("https://shop.example/", Value::Null, true);
    check("https://shop.example/", json!([]), false);
    check("https://shop.example/cart", cart.clone(), true);
    check("https://shop.example/", cart.clone(), false);
    check("", cart, false);
}

#[test]
fn hashes_of_any_script() {
    for case in read("bucketing_hash.json")["cases"].as_array().unwrap() {
        let inputs = &case["inputs"];
        let got = hash(inputs["seed"].as_str().unwrap(), inputs["value"].as_str().unwrap(), inputs["version"].as_u64().unwrap());
        assert!(same(&json!(got), &case["expected"], apart(case)), "{}: {got:?}", case["name"]);
    }
}

#[test]
fn ranges_and_points() {
    for case in read("bucketing_ranges.json")["cases"].as_array().unwrap() {
        let inputs = &case["inputs"];
        let ranges = ranges(&json!([inputs["n"], inputs["coverage"], inputs["weights"]]));
        let variation: Vec<Value> = floats(&inputs["points"]).unwrap().into_iter().map(|point| chosen(point, &ranges)).collect();
        let got = json!({"ranges": ranges, "variation": variation});
        assert!(same(&got, &case["expected"], apart(case)), "{}: {got}", case["name"]);
    }
}

#[test]
fn features_of_a_payload() {
    let payload = read("data/bucketing_features.json");
    let features = members(payload.get("features").unwrap_or(&payload));
    for case in read("bucketing_eval.json")["cases"].as_array().unwrap() {
        let attributes = case["inputs"]["attributes"].clone();
        let context =
            Context { attributes, features: features.clone(), groups: members(&payload["savedGroups"]), ..Context::default() };
        let feature = context.feature(case["inputs"]["feature"].as_str().unwrap());
        let outcome = feature.outcome.as_ref();
        let got = json!({"value": feature.value, "source": feature.source, "ruleId": feature.rule, "inExperiment": outcome.map(|o| o.in_experiment),
            "variationId": outcome.map(|o| o.variation), "key": outcome.map(|o| &o.key), "bucket": outcome.and_then(|o| o.bucket)});
        assert!(same(&got, &case["expected"], apart(case)), "{}: {got}, not {}", case["name"], case["expected"]);
    }
}
