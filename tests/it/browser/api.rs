use std::process::Command;

use serde_json::json;

use super::Page;
use crate::support::{
    Fanfare,
    browser::{Browser, ENTER, RIGHT, TAB},
    get,
};

/// A hub with its page at this size.
fn open(width: u32, dark: bool) -> Page {
    let (hub, browser) = (Fanfare::start(&[]), Browser::start());
    let screen =
        json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
    browser.devtools("Emulation.setDeviceMetricsOverride", &screen);
    let scheme = if dark { "dark" } else { "light" };
    let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
    browser.devtools("Emulation.setEmulatedMedia", &media);
    browser.open(&hub.url());
    Page { browser, hub }
}

impl Page {
    fn number_of(&self, selector: &str) -> u64 {
        let script = "return document.querySelectorAll(arguments[0]).length";
        self.browser.run(script, &[selector.into()]).as_u64().unwrap()
    }
}

#[test]
fn it_shows_all_that_is_described_on_wide_and_narrow_screens() {
    for (width, dark) in [(1280, false), (390, true)] {
        let page = open(width, dark);
        page.browser.click("#tab-api");
        page.wait_for_text("#api-said", "operations");
        let document = get(page.hub.0, "/openapi.json").json();
        let operations = || {
            let paths = document["paths"].as_object().unwrap().values();
            paths.flat_map(|item| item.as_object().unwrap().values())
        };
        assert_eq!(page.number_of(".operation"), operations().count() as u64);
        let open = "document.querySelectorAll(arguments[0]).forEach((one) => { one.open = true })";
        page.browser.run(open, &[".operation".into()]);
        page.browser.wait_for("!document.querySelector('.inside:empty')");
        page.browser.run(open, &[".answer-of".into()]);
        let answers: usize =
            operations().map(|one| one["responses"].as_object().unwrap().len()).sum();
        assert_eq!(page.number_of(".answer-of"), answers as u64);
        let text = page.text("#api-list");
        for operation in operations() {
            assert!(text.contains(operation["summary"].as_str().unwrap()));
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(text.contains(parameter["name"].as_str().unwrap()));
            }
        }
        for code in document["components"]["schemas"]["Error"]["properties"]["error"]["properties"]
            ["code"]["enum"]
            .as_array()
            .unwrap()
        {
            // These two can come anywhere, and are said of all.
            let code = code.as_str().unwrap();
            assert!(["method_not_allowed", "cors_refused"].contains(&code) || text.contains(code));
        }
        let overflows = "return document.documentElement.scrollWidth > innerWidth";
        assert_eq!(page.browser.run(overflows, &[]), false, "{width}");
        assert_eq!(page.browser.console(), [""; 0]);
    }
}

#[test]
fn its_command_lines_do_what_they_say() {
    let page = open(1280, false);
    page.browser.click("#tab-api");
    page.browser.wait_for("document.querySelector('.operation')");
    for (words, answer) in [
        ("/send-event an", "\"subscribers\":0"),
        ("/send-events", "\"book-8-gone\",\"subscribers\":0"),
        ("checkstream /events", "text/event-stream"),
        ("isready", "\"status\":\"ready\""),
        ("operationId", ""),
    ] {
        page.browser.fill("#api-filter", words);
        if answer.is_empty() {
            page.wait_for_text("#api-said", "0 of ");
            continue;
        }
        page.wait_for_text("#api-said", "1 of ");
        let shown = ".operation:not([hidden])";
        page.browser.click(&format!("{shown} > summary"));
        page.browser.wait_for(&format!("document.querySelector('{shown} pre')"));
        let line = page.text(&format!("{shown} pre"));
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(answer), "{line}: {said}");
    }
}

#[test]
fn it_is_read_by_the_keyboard_and_found_again_by_its_address() {
    let page = open(1280, false);
    let focused = |selector: &str| {
        let script = format!("return document.activeElement.matches('{selector}')");
        page.browser.run(&script, &[]) == true
    };
    let tab_to = |selector: &str| {
        (0..40).any(|_| {
            page.browser.press(&[TAB]);
            focused(selector)
        })
    };
    assert!(tab_to("#tab-try"));
    page.browser.press(&[RIGHT]);
    page.browser.press(&[RIGHT]);
    assert!(focused("#tab-api"));
    page.browser.wait_for("document.querySelector('.operation')");
    assert!(tab_to("#api-filter"));
    assert!(tab_to(".operation > summary"));
    page.browser.press(&[ENTER]);
    page.browser.wait_for("document.querySelector('.operation[open] .inside section')");
    assert!(tab_to(".operation[open] button"));
    assert!(tab_to(".answer-of > summary"));
    page.browser.press(&[ENTER]);
    page.browser.wait_for("document.querySelector('.answer-of[open]')");
    page.browser.run("location.reload()", &[]);
    page.browser.wait_for("document.getElementById('api').checkVisibility()");
    page.wait_for_text("#api-said", "operations");
    assert_eq!(page.browser.run("return location.hash", &[]), "#api");
}
