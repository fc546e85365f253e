//! Reading an object of which some members are known.

use super::{Reader, SyntaxError, Value};

/// Reads the object that the reader stands before into one slot for each of `names`, and ignores other members.
///
/// `names` holds at most `N` names. Names that are written with escapes match too, and a duplicate of any member,
/// known or not, is an error.
pub(crate) fn read_members<'a, const N: usize>(
    reader: &mut Reader<'a>,
    names: &[&str],
) -> Result<[Value<'a>; N], SyntaxError> {
    debug_assert!(names.len() <= N);
    let mut slots = [Value::Absent; N];
    let mut object = reader.open_object()?;
    let mut next = 0;
    while let Some(key) = reader.next_key(&mut object)? {
        // Members mostly come in the order of the samples, which is that of `names`.
        let found = match names.get(next) {
            Some(name) if key.text == **name => Some(next),
            _ => names.iter().position(|name| key.text == **name),
        };
        let Some((at, slot)) = found.and_then(|at| Some((at, slots.get_mut(at)?))) else {
            reader.unique(&object, key)?;
            reader.value()?;
            continue;
        };
        if *slot != Value::Absent && !cfg!(feature = "canary-last-key-wins") {
            return Err(key.duplicate());
        }
        *slot = reader.value()?;
        next = at + 1;
    }
    Ok(slots)
}
