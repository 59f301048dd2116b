//! Where a function may stand.

use wellspring_functions::{Catalog, CatalogError, CatalogErrors, Entry, Registration, function, supplier};

use super::{answers, catalog};

mod nested {
    pub(super) mod deeper {
        use wellspring_functions::function;

        #[function]
        fn in_a_module(n: u64) -> super::super::Own {
            super::super::Own(n)
        }
    }
}

/// Private to this module, like the function that takes it.
#[derive(serde::Serialize, serde::Deserialize)]
struct Own(u64);

#[function]
fn of_own_types(own: Own) -> Own {
    Own(own.0 + 1)
}

#[test]
fn in_modules_and_private() {
    assert_eq!(answers("in_a_module", "1"), ["1"]);
    assert_eq!(answers("of_own_types", "1"), ["2"]);
    assert_eq!(answers("in_a_module|of_own_types", "1"), ["2"]);
}

#[test]
fn inside_a_function() {
    #[supplier]
    fn inside() -> u64 {
        7
    }
    assert_eq!(inside(), 7);
    assert_eq!(answers("inside", ""), ["7"]);
}

#[test]
fn the_function_is_still_an_ordinary_one() {
    assert_eq!(of_own_types(Own(1)).0, 2);
}

#[test]
fn a_name_given_twice_is_refused_with_both_places() {
    let location = catalog().function("of_own_types").unwrap().location;
    let CatalogErrors(errors) = Catalog::builder()
        .registered()
        .state(10u64)
        .state(super::shapes::Greeting(""))
        .function("in_a_module", |n: u64| n)
        .entry(Entry::function("of_own_types", location, |n: u64| n))
        .build()
        .unwrap_err();
    let places: Vec<_> = errors
        .iter()
        .map(|error| match error {
            CatalogError::Duplicate { name, first, second } => (name.as_str(), first.line, second.line),
            other => panic!("{other}"),
        })
        .collect();
    let line = |text: &str| {
        let line = include_str!("places.rs").lines().position(|line| line.contains(text)).unwrap();
        u32::try_from(line).unwrap() + 1
    };
    let own = line("fn of_own_types");
    assert_eq!(
        places,
        [
            ("in_a_module", line("fn in_a_module"), line(".function(\"in_a_module\"")),
            ("of_own_types", own, own)
        ]
    );
}

#[test]
fn everything_registered_is_distinct() {
    let names = wellspring_functions::private::inventory::iter::<Registration>().count();
    assert_eq!(names, catalog().len());
}
