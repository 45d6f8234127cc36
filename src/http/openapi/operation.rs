//! One method of a path, as the document has it.

use std::collections::BTreeMap;

use utoipa::openapi::{
    Content, ContentBuilder, HttpMethod, RefOr, Response, ResponseBuilder, Schema,
    example::ExampleBuilder,
    path::{Operation, OperationBuilder, Parameter},
    request_body::RequestBody,
};

use super::{
    answer::{Answer, header},
    failure::{Coded, Sample, content_schema},
    security::{Schemes, requirements},
};
use crate::http::limits;

/// See the module.
pub struct Described {
    path: &'static str,
    method: HttpMethod,
    rated: bool,
    operation: OperationBuilder,
    answers: Vec<Answer>,
    failures: BTreeMap<u16, Vec<Sample>>,
}

impl Described {
    /// Something that can be done: its name for programs, and for people.
    pub fn new(
        method: HttpMethod,
        path: &'static str,
        part: &str,
        (id, summary): (&str, &str),
    ) -> Self {
        let operation =
            OperationBuilder::new().tag(part).operation_id(Some(id)).summary(Some(summary));
        let (answers, failures) = (Vec::new(), BTreeMap::new());
        Self { path, method, rated: false, operation, answers, failures }
    }

    /// What has to be known besides.
    pub fn says(self, description: &str) -> Self {
        Self { operation: self.operation.description(Some(description)), ..self }
    }

    /// Who may.
    pub fn needs(self, schemes: Schemes) -> Self {
        Self { operation: self.operation.securities(Some(requirements(schemes))), ..self }
    }

    /// Parameters.
    pub fn takes<P: Into<Parameter>>(self, parameters: impl IntoIterator<Item = P>) -> Self {
        Self { operation: self.operation.parameters(Some(parameters)), ..self }
    }

    /// The body.
    pub fn reads(self, body: impl Into<RequestBody>) -> Self {
        Self { operation: self.operation.request_body(Some(body.into())), ..self }
    }

    /// An answer that is no error.
    pub fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// Errors that can come.
    pub fn fails<'a, E: Coded + 'a>(mut self, errors: impl IntoIterator<Item = E>) -> Self {
        for error in errors {
            let sample = Sample::of(&error);
            let others = self.failures.entry(sample.status).or_default();
            if others.iter().all(|other| other.code != sample.code) {
                others.push(sample);
            }
        }
        self
    }

    /// It is counted by rates, where some are set.
    pub fn counts_for_rates(self) -> Self {
        Self { rated: true, ..self }
    }

    /// The words of the errors that are the hub's own.
    pub fn codes(&self) -> impl Iterator<Item = &'static str> {
        self.failures.values().flatten().filter(|sample| sample.is_own()).map(|sample| sample.code)
    }

    /// The schemas that it refers to.
    pub fn schemas(&mut self) -> Vec<(String, RefOr<Schema>)> {
        self.answers.iter_mut().flat_map(|answer| std::mem::take(&mut answer.schemas)).collect()
    }

    /// The whole, with the path and the method that it is at.
    pub fn operation(self) -> (&'static str, HttpMethod, Operation) {
        let Self { path, method, rated, mut operation, answers, failures } = self;
        let answers = answers.into_iter().map(|answer| (answer.status, answer.response));
        let failures = failures.iter().map(|(status, samples)| (*status, refusal(samples)));
        for (status, mut response) in answers.chain(failures) {
            let names = if rated { &limits::NAMES[..] } else { &[] };
            response.headers.extend(names.iter().map(|name| header(name)));
            operation = operation.response(status.to_string(), response);
        }
        (path, method, operation.build())
    }
}

/// All errors of one status.
fn refusal(samples: &[Sample]) -> Response {
    let codes: Vec<_> = samples.iter().map(|sample| format!("`{}`", sample.code)).collect();
    let mut response = ResponseBuilder::new().description(codes.join(", "));
    let mut contents: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        if !sample.content_type.is_empty() {
            contents.entry(&sample.content_type).or_default().push(sample);
        }
    }
    for (kind, samples) in contents {
        response = response.content(kind, examples(&samples));
    }
    let mut response = response.build();
    for name in samples.iter().flat_map(|sample| &sample.headers) {
        response.headers.extend([header(name)]);
    }
    response
}

fn examples(samples: &[&Sample]) -> Content {
    let example = |sample: &&Sample| {
        let example = ExampleBuilder::new().value(Some(sample.body.clone()));
        (sample.code, example)
    };
    let own = samples.iter().all(|sample| sample.is_own());
    ContentBuilder::new()
        .schema(Some(content_schema(own)))
        .examples_from_iter(samples.iter().map(example))
        .build()
}
