//! Templates a second time, the slow way: translated to a regular expression.

use std::fmt::Write as _;

use regex_lite::RegexBuilder;

/// Whether the topic is the template's own text or an expansion. `None` where it is no template.
pub fn matches(template: &str, topic: &str) -> Option<bool> {
    let pattern = to_pattern(template)?;
    let regex = RegexBuilder::new(&pattern).size_limit(1 << 24).build().unwrap();
    Some(template == topic || regex.is_match(topic))
}

/// How an operator's expansions look (RFC 6570, appendix A).
struct Operator {
    first: &'static str,
    separator: &'static str,
    /// Writes `name=value`.
    named: bool,
    /// Lets reserved characters through unescaped.
    reserved: bool,
}

impl Operator {
    fn of(sign: Option<char>) -> Option<Self> {
        let (first, separator, named, reserved) = match sign {
            None => ("", ",", false, false),
            Some('+') => ("", ",", false, true),
            Some('#') => ("#", ",", false, true),
            Some('.') => (".", ".", false, false),
            Some('/') => ("/", "/", false, false),
            Some(';') => (";", ";", true, false),
            Some('?') => ("?", "&", true, false),
            Some('&') => ("&", "&", true, false),
            // `=`, `,`, `!`, `@` and `|` are reserved for later (RFC 6570, 2.2).
            Some(_) => return None,
        };
        Some(Self { first, separator, named, reserved })
    }
}

/// The regular expression for a template's text, or `None` where it has no expression or breaks
/// the grammar.
fn to_pattern(text: &str) -> Option<String> {
    if !text.contains('{') {
        return None;
    }
    let mut pattern = String::from("^");
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        push_literal(&mut pattern, &rest[..open])?;
        let close = open + rest[open..].find('}')?;
        push_expression(&mut pattern, &rest[open + 1..close])?;
        rest = &rest[close + 1..];
    }
    push_literal(&mut pattern, rest)?;
    pattern.push('$');
    Some(pattern)
}

/// RFC 6570, 2.1.
fn push_literal(pattern: &mut String, literal: &str) -> Option<()> {
    let forbidden = |c: char| c <= ' ' || c == '\x7f' || "\"'<>\\^`{|}".contains(c);
    if literal.contains(forbidden) || !has_whole_triplets(literal) {
        return None;
    }
    pattern.push_str(&regex_lite::escape(literal));
    Some(())
}

/// RFC 6570, 2.2 to 2.4.
fn push_expression(pattern: &mut String, expression: &str) -> Option<()> {
    let sign = expression.chars().next().filter(|c| "+#./;?&=,!@|".contains(*c));
    let operator = Operator::of(sign)?;
    let list = &expression[sign.map_or(0, char::len_utf8)..];
    let mut exploded = false;
    let mut variables = 0;
    for variable in list.split(',') {
        exploded |= parse_variable(variable)?;
        variables += 1;
    }

    let mut class = String::from(r"(?:[A-Za-z0-9\-._~,");
    if operator.reserved {
        class.push_str(r"!\#$\&'()*+/:;=?@\[\]");
    } else if operator.named || exploded {
        class.push('=');
    }
    class.push_str("]|%[0-9A-Fa-f]{2})*");

    let first = regex_lite::escape(operator.first);
    let separator = regex_lite::escape(operator.separator);
    let repeats = if exploded { "*".to_owned() } else { format!("{{0,{}}}", variables - 1) };
    write!(pattern, "(?:{first}{class}(?:{separator}{class}){repeats})?").ok()
}

/// Reads one variable with its modifier; tells whether it explodes (`*`).
fn parse_variable(variable: &str) -> Option<bool> {
    let (name, exploded) = if let Some(name) = variable.strip_suffix('*') {
        (name, true)
    } else if let Some((name, length)) = variable.split_once(':') {
        // 1 to 9999 (RFC 6570, 2.4.1).
        let valid = matches!(length.len(), 1..=4)
            && length.bytes().all(|byte| byte.is_ascii_digit())
            && !length.starts_with('0');
        (valid.then_some(name)?, false)
    } else {
        (variable, false)
    };
    let characters = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'%'))
    };
    let valid = name.split('.').all(|part| !part.is_empty() && characters(part));
    (valid && has_whole_triplets(name)).then_some(exploded)
}

/// Whether each `%` begins two hexadecimal digits.
fn has_whole_triplets(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.match_indices('%').all(|(at, _)| {
        bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}
