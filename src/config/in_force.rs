//! The settings that hold, as they were given: for the operator to see.
//!
//! Promises: of a secret it is said that it is set, and no more; a URL is shown without a password,
//! and without its query. Does not: know what the hub makes of those that are not set.

use clap::{Arg, ArgMatches, Command, parser::ValueSource};

use super::without_password;
use crate::http::Setting;

/// All settings of `serve`.
pub fn in_force(serve: &Command, matches: &ArgMatches) -> Vec<Setting> {
    let setting = |arg: &Arg| {
        let id = arg.get_id().as_str();
        let variable = arg.get_env()?.to_string_lossy().into_owned();
        let source = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => "flag",
            Some(ValueSource::EnvVariable) => "environment",
            _ => "default",
        };
        let values = matches.get_raw(id).map(|values| {
            let shown = values.map(|value| shown(&value.to_string_lossy()));
            shown.collect::<Vec<_>>().join(",")
        });
        let secret = arg.is_hide_env_values_set();
        let value = if secret { values.map(|_| "set".to_owned()) } else { values };
        Some(Setting { id: id.to_owned(), variable, value, source })
    };
    serve.get_arguments().filter_map(setting).collect()
}

/// Several hosts may be in one value, and the password before the last of them.
fn shown(value: &str) -> String {
    let value = without_password(value);
    match value.find("://").and_then(|_| value.find('?')) {
        Some(query) => format!("{}?***", &value[..query]),
        None => value,
    }
}
