//! Types as they are written, which is all that a macro sees of them.

use syn::{GenericArgument, PathArguments, Type, TypePath};

/// The members of the tuple that is returned, perhaps in an `Option` or a `Result`.
pub(crate) fn members(output: &Type) -> Option<Vec<&Type>> {
    match output {
        Type::Tuple(tuple) => Some(tuple.elems.iter().collect()),
        Type::Paren(paren) => members(&paren.elem),
        Type::Group(group) => members(&group.elem),
        Type::Path(path) => members(first_argument(path, &["Option", "Result"])?),
        _ => None,
    }
}

/// The arguments of a `Result` as it is written: the success, and the error where it is given.
pub(crate) fn result_arguments(path: &TypePath) -> Option<(&Type, Option<&Type>)> {
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    });
    Some((types.next()?, types.next()))
}

/// The first argument of one of some types as they are written.
fn first_argument<'a>(path: &'a TypePath, names: &[&str]) -> Option<&'a Type> {
    let last = path.path.segments.last().filter(|last| names.iter().any(|name| last.ident == name))?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    })
}

/// The error of a `Result` as it is written.
pub(crate) fn error_type(output: &Type) -> Option<&Type> {
    match output {
        Type::Path(path) => result_arguments(path)?.1,
        Type::Group(group) => error_type(&group.elem),
        Type::Paren(paren) => error_type(&paren.elem),
        _ => None,
    }
}
