//! The events that are sent: alike but for their ids, which are of fixed width, so that a request is a copied text with some letters set,
//! and making it costs the client next to nothing.

/// Letters that count: digits in such a row would be taken for a telephone number.
const LETTERS: usize = 12;
const ID: &str = "aaaaaaaaaaaa";
const VISITORS: u64 = 9_973;

/// One request's body, with the places of its numbers.
pub struct Body {
    text: Vec<u8>,
    /// Where an event's id and its visitor begin.
    places: Vec<(usize, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One event per line.
    Lines,
    /// What Segment's and RudderStack's clients send to `/v1/batch`.
    Batch,
}

impl Body {
    pub fn new(form: Form, events: usize, at: &str) -> Body {
        let mut body = Body { text: Vec::new(), places: Vec::new() };
        if form == Form::Batch {
            body.text.extend_from_slice(b"{\"batch\":[");
        }
        for number in 0..events {
            if number > 0 && form == Form::Batch {
                body.text.push(b',');
            }
            let start = body.text.len();
            let event = event(number, at);
            body.text.extend_from_slice(event.as_bytes());
            let place = |member: &str| start + event.find(member).expect("the event has it") + member.len();
            body.places.push((place("\"messageId\":\"m-"), place("\"anonymousId\":\"v-")));
            if form == Form::Lines {
                body.text.push(b'\n');
            }
        }
        if form == Form::Batch {
            body.text.extend_from_slice(format!("],\"sentAt\":\"{at}\"}}").as_bytes());
        }
        body
    }

    /// The body whose events are numbered from `first`.
    pub fn numbered(&mut self, first: u64) -> &[u8] {
        for (number, (id, visitor)) in (first..).zip(&self.places) {
            put(&mut self.text[*id..*id + LETTERS], number);
            put(&mut self.text[*visitor..*visitor + LETTERS], number % VISITORS);
        }
        &self.text
    }
}

fn event(number: usize, at: &str) -> String {
    let product = number * 37 % 511;
    format!(
        "{{\"type\":\"track\",\"event\":\"Product Viewed\",\"messageId\":\"m-{ID}\",\"anonymousId\":\"v-{ID}\",\"timestamp\":\"{at}\",\
         \"properties\":{{\"product_id\":\"p-{product:03}\",\"category\":\"煎茶\",\"price\":{},\"quantity\":1,\
         \"url\":\"https://shop.example/products/p-{product:03}\"}}}}",
        800 + product * 10
    )
}

fn put(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'a' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_its_own_number() {
        let check = |form, expect: &[&str]| {
            let mut body = Body::new(form, 2, "2026-06-01T00:00:00.000Z");
            let text = String::from_utf8(body.numbered(9_973).to_vec()).unwrap();
            let ids: Vec<&str> = text.split('"').filter(|word| word.starts_with("m-") || word.starts_with("v-")).collect();
            assert_eq!(ids, expect, "{form:?}");
            let documents = match form {
                Form::Lines => text.lines().map(String::from).collect(),
                Form::Batch => vec![text],
            };
            for document in documents {
                serde_json::from_str::<serde_json::Value>(&document).unwrap();
            }
        };
        for form in [Form::Lines, Form::Batch] {
            check(form, &["m-aaaaaaaajjhd", "v-aaaaaaaaaaaa", "m-aaaaaaaajjhe", "v-aaaaaaaaaaab"]);
        }
    }
}
