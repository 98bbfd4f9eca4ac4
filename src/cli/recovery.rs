//! `elchi profile split-key`, `pass-share`, `recover-key`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::arguments::{ProfileArgs, SplitKeyArgs};
use super::fault::CliFault;
use super::output::Output;
use super::profile::open_client;
use crate::client::ClientError;
use crate::domain::MemberCode;
use crate::durable;

pub(super) fn split_key(argument: &ProfileArgs, args: &SplitKeyArgs, output: &Output) -> Result<(), CliFault> {
    let SplitKeyArgs { threshold, to, out } = args;
    let shares = open_client(argument, output)?.split_key(*threshold, to)?;
    durable::make_private_folder(out).map_err(ClientError::file("make", out))?;
    let paths: Vec<PathBuf> = to.iter().map(|keeper| out.join(format!("{}.age", keeper.to_string().replace('/', "-")))).collect();
    for (path, share) in paths.iter().zip(&shares) {
        durable::publish_file(path, share).map_err(ClientError::file("write", path))?;
    }
    output.result(&json!({"threshold": threshold, "shares": paths}), || {
        format!(
            "Give each file in {} to the member it is named for. Any {threshold} of these {} give the key back, to a custodian.\n\
             When the key is replaced, divide the new one.\n",
            out.display(),
            to.len()
        )
    });
    Ok(())
}

pub(super) fn pass_share(argument: &ProfileArgs, share: &Path, to: &MemberCode, out: &Path, output: &Output) -> Result<(), CliFault> {
    let sealed = std::fs::read(share).map_err(ClientError::file("read", share))?;
    let passed = open_client(argument, output)?.pass_share(&sealed, to)?;
    durable::publish_file(out, &passed).map_err(ClientError::file("write", out))?;
    output.result(&json!({"member": to, "share": out}), || format!("Give {} to {}.", out.display(), to.label()));
    Ok(())
}

pub(super) fn recover_key(argument: &ProfileArgs, shares: &[PathBuf], output: &Output) -> Result<(), CliFault> {
    let read = |path: &PathBuf| std::fs::read(path).map_err(ClientError::file("read", path));
    let sealed = shares.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let key = open_client(argument, output)?.recover_key(&sealed)?;
    output.result(&json!({"sealing_key": key}), || {
        format!("You hold your authority's sealing key {key} again, and the directory says so. Grant it to your colleagues, or replace it.")
    });
    Ok(())
}
