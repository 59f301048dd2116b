//! CEL: what is none of Spring's usual forms.

mod convert;

use std::sync::{Arc, LazyLock};

use cel::common::ast::{Expr, IdedExpr, operators};
use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::extractors::This;
use cel::{Context, Env, ExecutionError, Value};
use wellspring_functions::HeaderValue;

use convert::{ours, theirs};

use super::syntax::Step;
use super::value::Why;
use super::{Root, Subject, java};

/// The standard functions of CEL, those of its strings, and Java's hash code.
const FUNCTIONS: &[&str] = &[
    "bool",
    "bytes",
    "charAt",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "hashCode",
    "indexOf",
    "int",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "matches",
    "replace",
    "size",
    "split",
    "startsWith",
    "string",
    "substring",
    "trim",
    "type",
    "uint",
    "upperAscii",
];

/// How deep brackets may be nested: each takes room on the stack when it is read.
const DEEPEST_BRACKETS: usize = 8;
/// How deep an expression may be nested: each level takes room on the stack when it is evaluated.
const DEEPEST: usize = 24;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // Fails only for what is there already, and then it is there.
    let _ = env.add_extension(cel::extensions::strings);
    Arc::new(env)
});

/// A compiled expression whose variables and functions are known.
pub(super) struct Program(cel::Program);

impl Program {
    /// Compiles an expression; says what is wrong with it and where.
    pub(super) fn compile(text: &str, root: Root) -> Result<Self, String> {
        if brackets(text) > DEEPEST_BRACKETS {
            return Err(format!("its brackets are nested deeper than {DEEPEST_BRACKETS}"));
        }
        let program = ENV.compile(text).map_err(|errors| match errors.errors.first() {
            Some(error) => {
                let what = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
                let what = what.replace("'<EOF>'", "the end").replace('`', "'").replace('\n', " ");
                format!("{what} (character {})", error.pos.1.max(1))
            }
            None => "it cannot be read".to_owned(),
        })?;
        if depth(program.expression()) > DEEPEST {
            return Err(format!("it is nested deeper than {DEEPEST}"));
        }
        let mut known = root.variables().to_vec();
        check(program.expression(), &mut known).map_err(|(id, wrong)| {
            let offset = program.source_info().offset_for(id).map_or(0, |(start, _)| start as usize);
            let place = text.get(..offset).unwrap_or(text).chars().count() + 1;
            format!("{wrong} (character {place})")
        })?;
        if program.expression().expr == Expr::Ident("headers".to_owned()) {
            return Err("all headers together are no value".to_owned());
        }
        Ok(Self(program))
    }

    pub(super) fn evaluate(&self, subject: &Subject<'_>) -> Result<HeaderValue, Why> {
        let variables = Variables(subject);
        let mut context = Context::with_env(Arc::clone(&ENV));
        if self.0.references().has_function("hashCode") {
            // Fails only for a name that is taken.
            let _ = context.add_function("hashCode", |This(value): This<Value>| {
                ours(value).map(|value| i64::from(java::hash_code(&value)))
            });
        }
        context.set_variable_resolver(&variables);
        let value = self.0.execute(&context).and_then(ours);
        value.map_err(|error| match error {
            ExecutionError::NoSuchKey(name) => format!("there is no `{name}`").into(),
            other => other.to_string().into(),
        })
    }

    pub(super) fn is_no_number(&self) -> bool {
        is_no_number(&self.0.expression().expr)
    }
}

fn is_no_number(expression: &Expr) -> bool {
    match expression {
        Expr::Literal(literal) => {
            let value = Value::try_from(literal.to_val().as_ref());
            !value.is_ok_and(|value| matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_)))
        }
        Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => true,
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::CONDITIONAL, [_, yes, no]) => is_no_number(&yes.expr) || is_no_number(&no.expr),
            (operators::ADD, [left, right]) => is_no_number(&left.expr) || is_no_number(&right.expr),
            (name, _) => {
                let truths = [
                    operators::LOGICAL_AND,
                    operators::LOGICAL_OR,
                    operators::LOGICAL_NOT,
                    operators::EQUALS,
                    operators::NOT_EQUALS,
                    operators::LESS,
                    operators::LESS_EQUALS,
                    operators::GREATER,
                    operators::GREATER_EQUALS,
                    operators::IN,
                ];
                truths.contains(&name) || matches!(name, "string" | "bytes" | "bool" | "type")
            }
        },
        _ => false,
    }
}

impl Root {
    const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Message => &["headers", "payload"],
            Self::Key => &["key"],
        }
    }
}

/// How deep brackets are nested, taking those in texts for brackets too.
fn brackets(text: &str) -> usize {
    let (mut deep, mut deepest) = (0_usize, 0);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => deep += 1,
            ')' | ']' | '}' => deep = deep.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(deep);
    }
    deepest
}

/// How many levels an expression has.
fn depth(expression: &IdedExpr) -> usize {
    let (mut level, mut depth) = (vec![expression], 0);
    while !level.is_empty() {
        depth += 1;
        level = level.into_iter().flat_map(parts).collect();
    }
    depth
}

type Wrong = (u64, String);

/// Refuses names that nobody knows, and what has no value whatever the message; `known` are the names in scope.
fn check<'e>(expression: &'e IdedExpr, known: &mut Vec<&'e str>) -> Result<(), Wrong> {
    match &expression.expr {
        Expr::Ident(name) if !known.contains(&name.as_str()) => {
            let text = if name.chars().all(char::is_alphanumeric) {
                format!("nothing is called `{name}` (a text stands in quotes: `'{name}'`)")
            } else {
                format!("nothing is called `{name}`")
            };
            return Err((expression.id, text));
        }
        Expr::Struct(made) => return Err((expression.id, format!("no type is called `{}`", made.type_name))),
        Expr::Call(call)
            if call.func_name.starts_with(char::is_alphabetic) && !FUNCTIONS.contains(&&*call.func_name) =>
        {
            return Err((expression.id, format!("no function is called `{}`", call.func_name)));
        }
        _ => {}
    }
    let before = known.len();
    if let Expr::Comprehension(each) = &expression.expr {
        known.push(&each.accu_var);
        known.push(&each.iter_var);
        known.extend(each.iter_var2.as_deref());
    }
    parts(expression).into_iter().try_for_each(|part| check(part, known))?;
    known.truncate(before);
    if matches!(expression.expr, Expr::Call(_)) && is_constant(expression) {
        let context = Context::with_env(Arc::clone(&ENV));
        Value::resolve(expression, &context).map_err(|error| (expression.id, error.to_string()))?;
    }
    Ok(())
}

/// Whether an expression is the same for every message.
fn is_constant(expression: &IdedExpr) -> bool {
    let named = matches!(&expression.expr, Expr::Ident(_) | Expr::Comprehension(_));
    let hash = matches!(&expression.expr, Expr::Call(call) if call.func_name == "hashCode");
    !named && !hash && parts(expression).into_iter().all(is_constant)
}

fn parts(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                cel::common::ast::EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                cel::common::ast::EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        Expr::Comprehension(each) => {
            vec![&each.iter_range, &each.accu_init, &each.loop_cond, &each.loop_step, &each.result]
        }
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => Vec::new(),
    }
}

/// The variables, which look at the message when they are asked.
struct Variables<'a>(&'a Subject<'a>);

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        match variable {
            "headers" => Some(CowVal::owned(Fields { subject: self.0, of: Of::Headers })),
            "payload" => match self.0 {
                Subject::Message(message) if message.bytes().trim_ascii_start().starts_with(b"{") => {
                    Some(CowVal::owned(Fields { subject: self.0, of: Of::Payload }))
                }
                subject => theirs(subject.payload(&[]).ok()?),
            },
            "key" => theirs(self.0.key()?.clone()),
            _ => None,
        }
    }
}

/// Headers, or the fields of a payload: looked up by name.
#[derive(Clone)]
struct Fields<'a> {
    subject: &'a Subject<'a>,
    of: Of,
}

#[derive(Clone, Copy)]
enum Of {
    Headers,
    Payload,
}

impl std::fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.of {
            Of::Headers => "headers",
            Of::Payload => "payload",
        })
    }
}

impl Fields<'_> {
    fn find(&self, name: &dyn Val) -> Result<HeaderValue, ExecutionError> {
        let Some(name) = name.downcast_ref::<CelString<'_>>() else {
            return Err(ExecutionError::UnexpectedType {
                got: name.get_type().name().to_owned(),
                want: "string".to_owned(),
            });
        };
        let found = match self.of {
            Of::Headers => self.subject.header(name.inner()),
            Of::Payload => self
                .subject
                .payload(&[Step::Name(name.inner().into())])
                .map_err(|why| ExecutionError::function_error("payload", why))?,
        };
        match found {
            HeaderValue::Null => Err(ExecutionError::no_such_key(name.inner())),
            found => Ok(found),
        }
    }
}

impl Val for Fields<'_> {
    fn get_type(&self) -> &Type {
        <Self as Val>::cel_type()
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Indexer for Fields<'_> {
    fn get<'b, 'v>(&'b self, name: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        theirs(self.find(name)?).ok_or_else(|| ExecutionError::no_such_key("a value of a known kind"))
    }

    fn steal<'v>(self: Box<Self>, name: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(name).map(CowVal::into_owned)
    }
}

impl Container for Fields<'_> {
    fn contains(&self, name: &dyn Val) -> Result<bool, ExecutionError> {
        match self.find(name) {
            Ok(_) => Ok(true),
            Err(ExecutionError::NoSuchKey(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
