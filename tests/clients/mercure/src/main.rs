//! The crate `mercure` as a client: `token KEY` prints a subscriber's token; `publish URL KEY GRANTED
//! DATA public|private` publishes, and prints the answer.

use std::{env, error::Error};

use mercure::{
    Client, HubUrl, PublisherJwt, SubscriberJwt, Topic, TopicSelector,
    client::PublishUpdatePrivacy::{Private, Public},
};
use url::Url;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["token", key] => {
            let key = key.as_bytes().to_vec().into();
            println!("{}", SubscriberJwt::new(&key, None, vec![TopicSelector::Wildcard])?);
            Ok(())
        }
        ["publish", url, key, granted, data, privacy] => {
            let granted = match granted {
                "*" => TopicSelector::Wildcard,
                template => TopicSelector::UriTemplate(template.try_into()?),
            };
            let key = key.as_bytes().to_vec().into();
            let http = reqwest::Client::builder().no_proxy().build()?;
            let hub = HubUrl::try_from(url.parse::<Url>()?)?;
            let client = Client::new(http, hub, PublisherJwt::new(&key, vec![granted])?);
            let topic = Topic::new(
                "https://example.com/books/1".parse()?,
                vec!["https://example.com/users/1/books/1".parse()?],
            );
            let privacy = if privacy == "private" { Private } else { Public };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let answer = runtime.block_on(client.publish_update(topic, Some(data), privacy))?;
            print!("{answer}");
            Ok(())
        }
        _ => Err("see the source".into()),
    }
}
