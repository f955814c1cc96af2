//! The nouns of an online shop's growth desk, and how each is made from untrusted text.
//!
//! One meaning each:
//!
//! | word | is | is not |
//! |---|---|---|
//! | [`Event`] | something a visitor or customer did (`event_id`, `occurred_at`) | a log line |
//! | [`Order`] | a purchase with lines and money; each change is a revision | a conversion |
//! | `Visitor`, [`Customer`] | an anonymous browser id; a person the shop knows by a stable key | a profile |
//! | [`Profile`], [`Contact`] | what we know of a customer at a moment; an address, kept apart because it is personal | the customer |
//! | [`Consent`] | a permission per customer, channel and purpose, with source, wording and time | a preference |
//! | `Segment`, [`Membership`] | a saved question (`.sql`) returning `customer_id`; a row of its answer at a moment (the audience) | each other |
//! | [`SegmentChange`] | a customer entered a segment or left it, by a night's evaluation | an event |
//! | [`Scenario`], [`Step`], [`EntryStep`] | a journey's definition; one of its steps; one customer's progress through one pass (entry) | a run |
//! | [`Run`] | one evaluation of a scenario or export, keyed by name and logical time | a scenario |
//! | [`Identity`] | the fact that two ids are one person, or are not after all | a profile |
//! | [`Product`], [`Stock`] | a thing that is sold, as the catalogue had it; how many are left | an order line |
//! | [`Subscription`], [`Shipment`] | a 定期 contract; one delivery of it and what became of it | an order |
//! | [`LtvModel`] | a model of repeat buying as it was fitted on a day | a prediction (computed, never stored) |
//! | [`PointChange`], [`AdSpend`] | points given or used; what advertising cost on a day | money of an order |
//! | [`Source`] | a door by which facts come: a site, a server, a shop system; its key and its limits | a channel |
//! | [`Channel`], `Sender` | a kind of contact; a configured provider on it | each other |
//! | `Template`, `Message`, [`Send`] | words with holes; words for one person; one attempt to deliver | each other |
//! | [`Stop`] | the reason a send was not made | an error |
//! | [`Outcome`], [`Receipt`] | what the provider answered at once; what it said later | each other |
//! | [`Touch`], `Conversion`, [`Credit`] | a contact that may earn credit; an order that counts; a touch's share of it | each other |
//! | [`Coupon`], [`CouponUse`] | a code that one send told one customer; an order placed with it | a static code (a word of a message) |
//! | [`Experiment`], [`Arm`], [`Exposure`] | a comparison; an arm (variant); the fact that a unit met its arm | an assignment |
//! | [`Decision`] | what a test did by itself, by a rule it declared, with its evidence | a read-out (says, and does nothing) |
//! | [`Cap`] | how many messages a person may get in a while | a quota (what a provider sells) |
//! | [`Season`] | a named span of the shop's year | a schedule |
//! | [`Holdout`], ghost send | people kept out, to measure the whole; the row written where they would have been sent to | a control variant |
//!
//! Every noun that is remembered is a [`Fact`]: a row of one lake table, with the time it happened, the time we could have known it and
//! a key that makes a second delivery of it a no-op.

pub mod automatic;
pub mod cap;
pub mod channel;
pub mod contact;
pub mod coupon;
pub mod customer;
pub mod decision;
pub mod error;
pub mod event;
pub mod experiment;
pub mod fact;
pub mod id;
pub mod identity;
pub mod japanese;
pub mod kept;
pub mod ltv;
pub mod money;
pub mod order;
pub mod points;
pub mod product;
pub mod progress;
pub mod scenario;
pub mod season;
pub mod send;
pub mod shop;
pub mod spend;
pub mod subscription;
pub mod text;
pub mod time;
pub mod touch;

pub use cap::{Cap, Period};
pub use channel::{Channel, Purpose};
pub use contact::{Contact, ContactKind, Email, LineUserId, Phone, PostalAddress, SuppressedAddress};
pub use coupon::{Coupon, CouponMode, CouponUse};
pub use customer::{Consent, ConsentState, Customer, Profile, Suppression};
pub use decision::Decision;
pub use error::{Problem, Remedy};
pub use event::Event;
pub use experiment::Experiment;
pub use fact::{Fact, Record};
pub use id::{CustomerId, IdKey, derive_id, id_bytes};
pub use identity::{Claim, Identity};
pub use ltv::LtvModel;
pub use money::{Currency, Money};
pub use order::{Order, OrderLine, OrderStatus};
pub use points::PointChange;
pub use product::{Product, Stock};
pub use progress::{EntryStatus, EntryStep, Membership, Run, SegmentChange};
pub use scenario::{Arm, Holdout, Scenario, Step};
pub use season::Season;
pub use send::{Outcome, Receipt, ReceiptKind, Send, SendState, Stop, StopRow};
pub use shop::{Shop, Source, SourceKind, Sql};
pub use spend::AdSpend;
pub use subscription::{Shipment, Subscription};
pub use text::Text;
pub use time::{Instant, ShopZone};
pub use touch::{Credit, Exposure, Touch, TouchKind};
