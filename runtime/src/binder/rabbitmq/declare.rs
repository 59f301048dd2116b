//! Declares a topology on the broker.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use super::connection::Line;
use super::declaration::{Argument, Arguments, DELAYED, Declaration};
use super::error::sentence;
use crate::binder::{Error, Kind};

/// Declares everything, in order.
pub(super) async fn declare(line: &Line, declarations: &[Declaration]) -> Result<(), Error> {
    for declaration in declarations {
        one(line, declaration).await?;
    }
    Ok(())
}

async fn one(line: &Line, declaration: &Declaration) -> Result<(), Error> {
    let channel = &line.channel;
    let (operation, object, declared) = match declaration {
        Declaration::Exchange { name, .. } => {
            ("cannot declare the exchange", name, exchange(channel, declaration).await?)
        }
        Declaration::Expected { exchange } => {
            let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
            let name = short("exchange", exchange)?;
            let found = channel.exchange_declare(name, ExchangeKind::Direct, options, FieldTable::default());
            ("does not have the exchange", exchange, found.await)
        }
        Declaration::Queue { name, .. } => {
            ("cannot declare the queue", name, queue(channel, declaration).await?)
        }
        Declaration::Binding { queue, exchange, key, arguments } => {
            let bound = channel.queue_bind(
                short("queue", queue)?,
                short("exchange", exchange)?,
                short("routing key", key)?,
                QueueBindOptions::default(),
                table(arguments)?,
            );
            ("cannot bind the queue", queue, bound.await)
        }
    };
    declared.map_err(|cause| {
        let error = line.failed(operation, object, &cause);
        match declaration {
            Declaration::Exchange { kind, .. } if kind == DELAYED && names_the_type(&cause) => {
                let advice =
                    "`delayed-exchange` needs the plugin `rabbitmq_delayed_message_exchange` on the broker";
                Error::new(Kind::Refused, format!("{error}; {advice}"))
            }
            _ => error,
        }
    })
}

/// Whether the broker does not know the kind of an exchange.
fn names_the_type(cause: &lapin::Error) -> bool {
    sentence(cause).contains("exchange type")
}

async fn exchange(channel: &Channel, declaration: &Declaration) -> Result<lapin::Result<()>, Error> {
    let Declaration::Exchange { name, kind, durable, auto_delete, arguments } = declaration else {
        return Ok(Ok(()));
    };
    let kind = match kind.as_str() {
        "topic" => ExchangeKind::Topic,
        "direct" => ExchangeKind::Direct,
        "fanout" => ExchangeKind::Fanout,
        "headers" => ExchangeKind::Headers,
        other => ExchangeKind::Custom(other.to_owned()),
    };
    let options = ExchangeDeclareOptions {
        durable: *durable,
        auto_delete: *auto_delete,
        ..ExchangeDeclareOptions::default()
    };
    Ok(channel.exchange_declare(short("exchange", name)?, kind, options, table(arguments)?).await)
}

async fn queue(channel: &Channel, declaration: &Declaration) -> Result<lapin::Result<()>, Error> {
    let Declaration::Queue { name, durable, exclusive, auto_delete, arguments } = declaration else {
        return Ok(Ok(()));
    };
    let options = QueueDeclareOptions {
        durable: *durable,
        exclusive: *exclusive,
        auto_delete: *auto_delete,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(short("queue", name)?, options, table(arguments)?).await;
    Ok(declared.map(|_| ()))
}

/// A name as it goes over the wire: at most 255 bytes.
pub(super) fn short(what: &str, name: &str) -> Result<ShortString, Error> {
    ShortString::try_new(name).map_err(|_| {
        let start: String = name.chars().take(40).collect();
        let sentence = format!("the {what} `{start}…` is {} bytes long, expected at most 255", name.len());
        Error::new(Kind::Refused, sentence)
    })
}

fn table(arguments: &Arguments) -> Result<FieldTable, Error> {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString(text.as_bytes().into()),
            Argument::Number(number) => AMQPValue::LongInt(*number),
            Argument::Truth(truth) => AMQPValue::Boolean(*truth),
        };
        table.insert(short("argument", name)?, value);
    }
    Ok(table)
}
