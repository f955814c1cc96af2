//! OpenFeature's remote evaluation protocol (OFREP): flags evaluated on the server, for providers of any language.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What was asked with a request: attributes, of which `targetingKey` is the unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    pub unit: String,
    pub attributes: Map<String, Value>,
}

/// Why a request has no answer, in the words of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Parse,
    NoUnit,
    NotAContext,
    FlagNotFound,
}

impl Refusal {
    pub fn status(self) -> u16 {
        if self == Refusal::FlagNotFound { 404 } else { 400 }
    }

    pub fn body(self, key: Option<&str>) -> Value {
        let (code, details) = match self {
            Refusal::Parse => ("PARSE_ERROR", "the body is not JSON"),
            Refusal::NoUnit => ("TARGETING_KEY_MISSING", "the context has no targetingKey"),
            Refusal::NotAContext => ("INVALID_CONTEXT", "the body is not an object with a context"),
            Refusal::FlagNotFound => ("FLAG_NOT_FOUND", "no experiment of the shop has this feature"),
        };
        match key {
            Some(key) => json!({ "key": key, "errorCode": code, "errorDetails": details }),
            None => json!({ "errorCode": code, "errorDetails": details }),
        }
    }
}

#[derive(Deserialize)]
struct Body {
    context: Option<Map<String, Value>>,
}

/// Reads `{"context": {"targetingKey": …}}`.
pub fn context(body: &[u8]) -> Result<Context, Refusal> {
    let value: Value = serde_json::from_slice(body).map_err(|_| Refusal::Parse)?;
    let body: Body = serde_json::from_value(value).map_err(|_| Refusal::NotAContext)?;
    let mut attributes = body.context.ok_or(Refusal::NotAContext)?;
    let unit = match attributes.remove("targetingKey") {
        Some(Value::String(unit)) if !unit.is_empty() => unit,
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(Refusal::NoUnit),
    };
    Ok(Context { unit, attributes })
}

/// One evaluated flag.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    pub key: String,
    pub value: Value,
    /// `STATIC`, `TARGETING_MATCH`, `SPLIT` or `DISABLED`.
    pub reason: &'static str,
    pub variant: Option<String>,
    /// The experiment behind it, for the client's own exposure events.
    pub experiment: Option<String>,
}

impl Evaluated {
    pub fn body(&self) -> Value {
        let mut body = json!({ "key": self.key, "value": self.value, "reason": self.reason });
        if let Some(variant) = &self.variant {
            body["variant"] = json!(variant);
        }
        if let Some(experiment) = &self.experiment {
            body["metadata"] = json!({ "experiment": experiment });
        }
        body
    }
}

/// The answer about all flags.
pub fn all(flags: &[Evaluated]) -> Value {
    json!({ "flags": flags.iter().map(Evaluated::body).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_read_or_refused_by_its_code() {
        let check = |body: &str, expect: Result<&str, Refusal>| {
            assert_eq!(
                context(body.as_bytes()).as_ref().map(|context| context.unit.as_str()),
                expect.as_ref().copied(),
                "{body}"
            );
        };
        check(r#"{"context":{"targetingKey":"u1","country":"JP"}}"#, Ok("u1"));
        check(r#"{"context":{"targetingKey":42}}"#, Ok("42"));
        check(r#"{"context":{}}"#, Err(Refusal::NoUnit));
        check(r#"{"context":{"targetingKey":""}}"#, Err(Refusal::NoUnit));
        check("{}", Err(Refusal::NotAContext));
        check("[]", Err(Refusal::NotAContext));
        check("{", Err(Refusal::Parse));
    }

    #[test]
    fn an_answer_has_the_members_of_the_protocol() {
        let flag = Evaluated {
            key: "button".into(),
            value: json!("red"),
            reason: "SPLIT",
            variant: Some("b".into()),
            experiment: Some("button".into()),
        };
        assert_eq!(
            all(&[flag]),
            json!({"flags": [{"key": "button", "value": "red", "reason": "SPLIT", "variant": "b", "metadata": {"experiment": "button"}}]})
        );
        assert_eq!(Refusal::FlagNotFound.body(Some("x"))["errorCode"], "FLAG_NOT_FOUND");
    }
}
