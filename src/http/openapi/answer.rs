//! Answers that are no errors, and the headers of all.

use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, Header, HeaderBuilder, ObjectBuilder, Ref, RefOr,
        Response, ResponseBuilder, Schema, Type, schema::AllOfBuilder,
    },
};

/// What is said of each header that the document has: its type, and what it is.
const HEADERS: [(&str, Type, &str); 12] = [
    ("Accept-Post", Type::String, "The types that a body may have."),
    ("Allow", Type::String, "The methods that there are."),
    ("Cache-Control", Type::String, "Who may keep the answer."),
    ("Content-Security-Policy", Type::String, "What the page may load."),
    ("ETag", Type::String, "What `If-None-Match` takes."),
    (
        "Last-Event-ID",
        Type::String,
        "The id that the stream goes on after, where one was asked for.",
    ),
    ("RateLimit", Type::String, "What is left of the rates, where some are set."),
    ("RateLimit-Policy", Type::String, "The rates, where some are set."),
    ("Retry-After", Type::Integer, "When to try again, in seconds."),
    ("WWW-Authenticate", Type::String, "What is wrong with the token (RFC 6750, 3)."),
    (
        "Idempotency-Replayed",
        Type::String,
        "`true` where this is the answer to an earlier request.",
    ),
    ("Link", Type::String, "The hub, and the event that the list is of the time of."),
];

/// See the module.
pub struct Answer {
    pub status: u16,
    pub response: Response,
    /// What it refers to.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

impl Answer {
    /// JSON of a type.
    pub fn json<T: ToSchema>(status: u16, description: &str, example: Value) -> Self {
        let schema = Ref::from_schema_name(T::name());
        Self::of(status, description, "application/json", schema, example).refers_to::<T>()
    }

    /// The same with `success` among its members.
    pub fn success<T: ToSchema>(status: u16, description: &str, mut example: Value) -> Self {
        let success = ObjectBuilder::new()
            .property("success", ObjectBuilder::new().schema_type(Type::Boolean))
            .required("success");
        let both = AllOfBuilder::new().item(success).item(Ref::from_schema_name(T::name()));
        example["success"] = true.into();
        let schema = Schema::from(both.build());
        Self::of(status, description, "application/json", schema, example).refers_to::<T>()
    }

    /// Text of some kind.
    pub fn text(status: u16, description: &str, kind: &str, example: &str) -> Self {
        let text = ObjectBuilder::new().schema_type(Type::String);
        Self::of(status, description, kind, text, example.into())
    }

    /// A head without a body.
    pub fn bare(status: u16, description: &str) -> Self {
        let response = ResponseBuilder::new().description(description).build();
        Self { status, response, schemas: Vec::new() }
    }

    /// Anything.
    pub fn of(
        status: u16,
        description: &str,
        kind: &str,
        schema: impl Into<RefOr<Schema>>,
        example: Value,
    ) -> Self {
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let mut answer = Self::bare(status, description);
        answer.response.content.insert(kind.to_owned(), RefOr::T(content));
        answer
    }

    /// Refers to this, too.
    pub fn refers_to<T: ToSchema>(mut self) -> Self {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        self
    }

    /// May be of this type, too.
    pub fn or(mut self, kind: &str) -> Self {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let content = ContentBuilder::new().schema(Some(text)).build();
        self.response.content.insert(kind.to_owned(), RefOr::T(content));
        self
    }

    /// Has the same body with another type, too.
    pub fn also(mut self, kind: &str) -> Self {
        if let Some(content) = self.response.content.values().next().cloned() {
            self.response.content.insert(kind.to_owned(), content);
        }
        self
    }

    /// Has such a header.
    pub fn with(mut self, name: &str) -> Self {
        self.response.headers.extend([header(name)]);
        self
    }
}

/// A header of an answer, by its name: what is said of it stands in one place.
pub fn header(name: &str) -> (String, RefOr<Header>) {
    let known = HEADERS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    let (name, ..) = known.expect("the test that asks for the document has found all of them");
    ((*name).to_owned(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))))
}

/// Explains them.
pub fn add_headers(components: ComponentsBuilder) -> ComponentsBuilder {
    HEADERS.iter().fold(components, |components, (name, kind, about)| {
        let schema = ObjectBuilder::new().schema_type(kind.clone());
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(*about));
        components.header(*name, header.build())
    })
}
