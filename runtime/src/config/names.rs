//! Relaxed names: camelCase, kebab-case, snake_case and UPPER_CASE spell the same key.

/// The form in which two spellings of one name are equal: lower case, without `-` and `_`.
pub(super) fn normalised(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// Whether `written` is a spelling of the name whose normal form is `normal`.
pub(super) fn spells(written: &str, normal: &str) -> bool {
    if written.is_ascii() {
        let letters = written.bytes().filter(|byte| !matches!(byte, b'-' | b'_'));
        return letters.map(|byte| byte.to_ascii_lowercase()).eq(normal.bytes());
    }
    let mut letters = written.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase);
    let mut expected = normal.chars();
    loop {
        match (letters.next(), expected.next()) {
            (None, None) => return true,
            (one, other) if one != other => return false,
            _ => {}
        }
    }
}

/// The name of a binding without the separators of its composition: `email|sms-in-0` is `emailsms-in-0`.
pub(super) fn binding_name(written: &str) -> String {
    written.chars().filter(|c| !matches!(c, '|' | ',' | ' ')).collect()
}

/// The binding name that the words of a variable most likely mean: `EMAILSMS_IN_0` is `emailsms-in-0`.
pub(super) fn binding_from_words(words: &[&str]) -> String {
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    match lower.as_slice() {
        [function @ .., direction, index]
            if !function.is_empty()
                && matches!(direction.as_str(), "in" | "out")
                && index.chars().all(|c| c.is_ascii_digit()) =>
        {
            format!("{}-{direction}-{index}", function.join("_"))
        }
        words => words.join("-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        for written in
            ["max-attempts", "maxAttempts", "max_attempts", "MAX_ATTEMPTS", "MAXATTEMPTS", "MaxAttempts"]
        {
            assert_eq!(normalised(written), "maxattempts");
            assert!(spells(written, "maxattempts"), "{written}");
        }
        assert!(spells("Größe-ÄNDERN", &normalised("GrößeÄndern")));
        for other in ["maxattempt", "maxattemptss", "max.attempts", ""] {
            assert!(!spells(other, "maxattempts"), "{other}");
        }
    }

    #[test]
    fn drops_the_pipe_of_a_composition() {
        assert_eq!(binding_name("email|sms-in-0"), "emailsms-in-0");
        assert_eq!(binding_name("email, sms-in-0"), "emailsms-in-0");
    }

    #[test]
    fn recognises_a_binding_in_a_variable() {
        let cases: [(&[&str], &str); 4] = [
            (&["EMAILSMS", "IN", "0"], "emailsms-in-0"),
            (&["UPDATE", "COMMUNICATION", "OUT", "12"], "update_communication-out-12"),
            (&["ACCOUNTS"], "accounts"),
            (&["NICE", "NAME"], "nice-name"),
        ];
        for (words, expected) in cases {
            assert_eq!(binding_from_words(words), expected);
        }
    }
}
