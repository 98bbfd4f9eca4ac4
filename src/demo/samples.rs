//! The documents of the invented case.

use std::fs;
use std::path::PathBuf;

use super::stage::Stage;
use crate::crypto::random_array;

const REQUEST: &str = "\
REQUEST FOR MUTUAL LEGAL ASSISTANCE (sample, an invented case)

From: General Prosecutor's Office of the Kyrgyz Republic
To:   Ministry of Justice of the Republic of Türkiye
Basis: United Nations Convention against Transnational Organized Crime, article 18;
       Protocol to Prevent, Suppress and Punish Trafficking in Persons

Three women were recruited in Osh with the promise of work in a hotel and are believed to be held at
an address in Istanbul. We ask for the identification and hearing of the witnesses, for the records of
the tenancy, and for the preservation of the recordings named in the list.
";

const QUESTIONS: &str = "\
Questions for the hearing (sample)

1. Who offered the work, where, and in whose presence?
2. Who held the passports after arrival?
3. Which sums were named as debts, and by whom?
";

/// Large enough to travel as a document of more than one chunk, small enough to be quick.
const RECORDING_BYTES: usize = 3 * 1024 * 1024;

/// Writes the documents of the request.
pub(super) fn write_samples(stage: &Stage<'_>) -> Result<Vec<PathBuf>, String> {
    let folder = stage.make_folder("samples")?;
    let recording: Vec<u8> = (0..RECORDING_BYTES / 32).flat_map(|_| random_array::<32>()).collect();
    let samples: [(&str, &[u8]); 3] =
        [("request.txt", REQUEST.as_bytes()), ("questions.txt", QUESTIONS.as_bytes()), ("recording.bin", &recording)];
    let write = |(name, bytes): &(&str, &[u8])| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|fault| format!("cannot write {}: {fault}", path.display()))?;
        Ok(path)
    };
    samples.iter().map(write).collect()
}

/// Writes the record that Istanbul answers with.
pub(super) fn write_record(stage: &Stage<'_>) -> Result<PathBuf, String> {
    let path = stage.make_folder("samples")?.join("hearing-record.txt");
    fs::write(&path, "Record of the hearing (sample)\n\nThe witness was heard on the questions of the request.\n")
        .map_err(|fault| format!("cannot write {}: {fault}", path.display()))?;
    Ok(path)
}
