//! Device lists: CSV and JSON files.

use std::{fs, path::Path};

use super::{CatalogError, DeviceEntry, Draft, ServiceEntry};

/// The columns of a CSV list. The first four are required; the order in the file is free.
const COLUMNS: [&str; 7] = ["orgId", "productKey", "deviceKey", "assetId", "deduplicates", "services", "measurepoints"];
const REQUIRED: usize = 4;

/// Adds the devices of a `.csv` or `.json` file.
pub(crate) fn read_file(path: &Path, draft: &mut Draft) -> Result<(), CatalogError> {
    let name = path.display().to_string();
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let read: fn(&str, &[u8], &mut Draft) -> Result<(), CatalogError> = match extension.as_deref() {
        Some("csv") => read_csv,
        Some("json") => read_json,
        _ => return Err(CatalogError::new(name, "is neither a .csv nor a .json file: name the list after its form")),
    };
    let bytes = fs::read(path).map_err(|error| CatalogError::because(&*name, "cannot be read", error))?;
    read(&name, &bytes, draft)
}

/// A JSON array of [`DeviceEntry`].
fn read_json(name: &str, bytes: &[u8], draft: &mut Draft) -> Result<(), CatalogError> {
    let entries: Vec<DeviceEntry> =
        serde_json::from_slice(bytes).map_err(|error| CatalogError::because(name, "is no list of devices", error))?;
    for (index, entry) in entries.iter().enumerate() {
        draft.add_device(entry).map_err(|error| error.at(&format!("{name}, record {}", index + 1)))?;
    }
    Ok(())
}

/// A header and one device per line. A list within a cell is separated by `|`; an empty cell is no list, so everything is
/// accepted.
fn read_csv(name: &str, bytes: &[u8], draft: &mut Draft) -> Result<(), CatalogError> {
    // Spreadsheet programs write a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(|error| csv_error(name, error))?.clone();
    let columns = Columns::of(&header).map_err(|problem| CatalogError::new(format!("{name}, line 1"), problem))?;
    for record in reader.records() {
        let record = record.map_err(|error| {
            let place = error.position().map_or_else(|| name.to_owned(), |at| format!("{name}, line {}", at.line()));
            csv_error(place, error)
        })?;
        let place = format!("{name}, line {}", record.position().map_or(0, |at| line_of(bytes, at)));
        let entry = columns
            .entry(&record)
            .map_err(|(column, problem)| CatalogError::new(format!("{place}, {column}"), problem))?;
        draft.add_device(&entry).map_err(|error| error.at(&place))?;
    }
    Ok(())
}

/// The line of a record. The position that the reader gives is before the empty lines that it skipped.
fn line_of(bytes: &[u8], position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let skipped = start.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
    position.line() + skipped.count() as u64
}

fn csv_error(place: impl Into<String>, error: csv::Error) -> CatalogError {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let problem =
                format!("has {len} cells and the header {expected_len}: a cell with a comma in it stands in quotes");
            CatalogError::new(place, problem)
        }
        csv::ErrorKind::Utf8 { .. } => CatalogError::new(place, "is not UTF-8: save the list as UTF-8"),
        _ => CatalogError::because(place, "cannot be read", error),
    }
}

/// Which cell of a record holds which column.
struct Columns([Option<usize>; COLUMNS.len()]);

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, String> {
        let mut places = [None; COLUMNS.len()];
        for (at, name) in header.iter().enumerate() {
            let Some(column) = COLUMNS.iter().position(|column| *column == name) else {
                return Err(format!("the column {name:?} is not known: the columns are {}", COLUMNS.join(", ")));
            };
            if places[column].replace(at).is_some() {
                return Err(format!("the column {name:?} is there twice"));
            }
        }
        for (column, place) in COLUMNS.iter().zip(&places).take(REQUIRED) {
            if place.is_none() {
                return Err(format!(
                    "the column {column:?} is missing: the first line names the columns, at least {}",
                    COLUMNS[..REQUIRED].join(", ")
                ));
            }
        }
        Ok(Self(places))
    }

    fn cell<'r>(&self, record: &'r csv::StringRecord, column: usize) -> &'r str {
        self.0[column].and_then(|at| record.get(at)).unwrap_or("")
    }

    fn list<'r>(&self, record: &'r csv::StringRecord, column: usize) -> Option<impl Iterator<Item = &'r str>> {
        let cell = self.cell(record, column);
        (!cell.is_empty()).then(|| cell.split('|').map(str::trim))
    }

    fn entry(&self, record: &csv::StringRecord) -> Result<DeviceEntry, (&'static str, String)> {
        let deduplicates = match self.cell(record, 4) {
            "" | "false" => false,
            "true" => true,
            other => return Err((COLUMNS[4], format!("{other:?} is neither true nor false"))),
        };
        Ok(DeviceEntry {
            org_id: self.cell(record, 0).to_owned(),
            product_key: self.cell(record, 1).to_owned(),
            device_key: self.cell(record, 2).to_owned(),
            asset_id: self.cell(record, 3).to_owned(),
            deduplicates,
            services: self.list(record, 5).map(|ids| ids.map(|id| ServiceEntry::Id(id.to_owned())).collect()),
            measurepoints: self.list(record, 6).map(|ids| ids.map(str::to_owned).collect()),
        })
    }
}

#[cfg(test)]
mod tests {
    use setpoint::{Code, DeviceRef, Directory, Family};

    use super::*;
    use crate::error::Chain;

    fn csv(text: &str) -> Result<Draft, CatalogError> {
        let mut draft = Draft::new(0);
        read_csv("devices.csv", text.as_bytes(), &mut draft).map(|()| draft)
    }

    fn json(text: &str) -> Result<Draft, CatalogError> {
        let mut draft = Draft::new(0);
        read_json("devices.json", text.as_bytes(), &mut draft).map(|()| draft)
    }

    #[test]
    fn both_forms_of_a_list_say_the_same() {
        let from_csv = csv("\u{feff}assetId,orgId,productKey,deviceKey,deduplicates,services,measurepoints\r\n\
             a1,o1,p,d1,true,start|stop,\r\n\
             \"a,2\",o2,p, d2 ,,,speed\r\n");
        let from_json = json(
            r#"[{"orgId":"o1","productKey":"p","deviceKey":"d1","assetId":"a1","deduplicates":true,"services":["start","stop"]},
                {"orgId":"o2","productKey":"p","deviceKey":"d2","assetId":"a,2","measurepoints":["speed"]}]"#,
        );
        for draft in [from_csv.unwrap(), from_json.unwrap()] {
            let first = draft.device("o1", DeviceRef::Asset("a1")).unwrap();
            assert!(first.deduplicates);
            assert!(draft.target("o1", &first, Family::Invoke, "stop", None).is_ok());
            let fault = draft.target("o1", &first, Family::Invoke, "go", None).unwrap_err();
            assert_eq!(fault.code, Code::TARGET_MISSING);
            let second = draft.device("o2", DeviceRef::Keys { product_key: "p", device_key: "d2" }).unwrap();
            assert_eq!(&*second.asset_id, "a,2");
            assert!(draft.target("o2", &second, Family::Invoke, "go", None).is_ok());
            assert!(draft.target("o2", &second, Family::Write, "torque", None).is_err());
        }
    }

    #[test]
    fn a_fault_in_a_csv_list_is_named_with_file_line_and_column() {
        let header = "orgId,productKey,deviceKey,assetId,deduplicates\n";
        for (rows, parts) in [
            ("o1,p,d,a,\no1,p,,b,\n", &["devices.csv", "line 3", "deviceKey", "empty"][..]),
            ("o1,p,d,a,\n\no1,p,d,b,\n", &["line 4", "deviceKey", "unique"]),
            ("o1,p,d,a,\no1,p,e,a,\n", &["line 3", "assetId", "unique"]),
            ("o1,p,d,a,yes\n", &["line 2", "deduplicates", "\"yes\""]),
            ("o1,p,d\n", &["line 2", "3 cells"]),
            ("o1,p/q,d,a,\n", &["line 2", "productKey", "'/'"]),
        ] {
            let message = csv(&format!("{header}{rows}")).unwrap_err();
            let message = Chain(&message).to_string();
            for part in parts {
                assert!(message.contains(part), "{part} in {message}");
            }
        }
    }

    #[test]
    fn a_header_that_is_not_one_is_refused() {
        for (header, part) in [
            ("o1,p,d,a", "not known"),
            ("orgId,productKey,deviceKey", "assetId"),
            ("orgId,orgId", "twice"),
            ("", "missing"),
        ] {
            let message = csv(&format!("{header}\n")).unwrap_err();
            let message = Chain(&message).to_string();
            assert!(message.contains(part) && message.contains("line 1"), "{message}");
        }
    }

    #[test]
    fn a_fault_in_a_json_list_is_named_with_its_place() {
        for (text, parts) in [
            ("[{\"orgId\":\"o1\",\n\"product\":\"p\"}]", &["devices.json", "line 2", "product"][..]),
            ("[{\"orgId\":\"o1\"}]", &["line 1", "productKey"]),
            (
                r#"[{"orgId":"o1","productKey":"p","deviceKey":"d","assetId":"a"},
                    {"orgId":"o1","productKey":"p","deviceKey":"e","assetId":""}]"#,
                &["record 2", "assetId", "empty"],
            ),
            ("{}", &["line 1"]),
        ] {
            let message = json(text).unwrap_err();
            let message = Chain(&message).to_string();
            for part in parts {
                assert!(message.contains(part), "{part} in {message}");
            }
        }
    }

    #[test]
    fn the_name_of_a_file_says_its_form() {
        let mut draft = Draft::new(0);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("devices.xlsx");
        assert!(read_file(&path, &mut draft).unwrap_err().to_string().contains(".csv"));
        let path = dir.path().join("devices.CSV");
        assert!(Chain(&read_file(&path, &mut draft).unwrap_err()).to_string().contains("cannot be read: "));
        fs::write(&path, "orgId,productKey,deviceKey,assetId\no1,p,d,a\n").unwrap();
        read_file(&path, &mut draft).unwrap();
        assert_eq!(draft.device_count(), 1);
    }
}
