//! Which handler a request is for. Whatever is not here is not found.

use http::Method;

use crate::domain::{Log, Tag, UploadId};
use crate::wire::{ACTS_PATH, BLOBS_PATH, EntryBundleName, HashTileName, LOGS_PATH, Refusal, STATEMENTS_PATH, UPLOADS_PATH};

/// A request that is understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Checkpoint(Log),
    Entries(Log, EntryBundleName),
    HashTile(Log, HashTileName),
    Statement(u64),
    Act,
    CreateUpload,
    UploadProgress(UploadId),
    AppendUpload(UploadId),
    DeleteUpload(UploadId),
    Blob(Tag),
}

/// Reads method and path.
pub(super) fn parse_route(method: &Method, path: &str) -> Result<Route, Refusal> {
    let route = match *method {
        Method::GET => parse_get(path),
        Method::POST if path == ACTS_PATH => Some(Route::Act),
        Method::POST if path == UPLOADS_PATH => Some(Route::CreateUpload),
        Method::HEAD => below(path, UPLOADS_PATH).and_then(|id| id.parse().ok()).map(Route::UploadProgress),
        Method::PATCH => below(path, UPLOADS_PATH).and_then(|id| id.parse().ok()).map(Route::AppendUpload),
        Method::DELETE => below(path, UPLOADS_PATH).and_then(|id| id.parse().ok()).map(Route::DeleteUpload),
        _ => None,
    };
    route.ok_or_else(Refusal::not_found)
}

fn parse_get(path: &str) -> Option<Route> {
    if let Some(index) = below(path, STATEMENTS_PATH) {
        return index.parse().ok().filter(|number: &u64| number.to_string() == index).map(Route::Statement);
    }
    if let Some(document) = below(path, BLOBS_PATH) {
        return document.parse().ok().map(Route::Blob);
    }
    let (name, rest) = below(path, LOGS_PATH)?.split_once('/')?;
    let log = Log::ALL.into_iter().find(|log| log.as_str() == name)?;
    match rest {
        "checkpoint" => Some(Route::Checkpoint(log)),
        tile if tile.starts_with("tile/entries/") => tile.parse().ok().map(|bundle| Route::Entries(log, bundle)),
        tile => tile.parse().ok().map(|tile| Route::HashTile(log, tile)),
    }
}

fn below<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    path.strip_prefix(prefix)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_spelling() {
        let hex = "0a".repeat(32);
        let get = |path: &str| parse_route(&Method::GET, path);
        assert_eq!(get("/v1/logs/events/checkpoint").unwrap(), Route::Checkpoint(Log::Events));
        assert!(matches!(get("/v1/logs/directory/tile/entries/000.p/5").unwrap(), Route::Entries(Log::Directory, _)));
        assert!(matches!(get("/v1/logs/events/tile/2/x001/000").unwrap(), Route::HashTile(Log::Events, _)));
        assert_eq!(get("/v1/statements/12").unwrap(), Route::Statement(12));
        assert!(matches!(get(&format!("/v1/blobs/{hex}")).unwrap(), Route::Blob(_)));
        for wrong in [
            "/",
            "/v1/logs/events",
            "/v1/logs/events/",
            "/v1/logs/other/checkpoint",
            "/v1/statements/012",
            "/v1/statements/+1",
            "/v1/statements/",
            "/v1/blobs/../x",
            "/v1/logs/events/tile/entries/../checkpoint",
            "/v1/logs/events/tile/0/../checkpoint",
            "/v1/logs/events/tile/64/000",
            "/v1/logs/events/tile/0",
            "//v1/statements/1",
            "/v1/blobs/0A",
        ] {
            assert!(get(wrong).is_err(), "{wrong:?} was accepted");
        }
        assert!(parse_route(&Method::POST, "/v1/statements/12").is_err());
        assert!(parse_route(&Method::PUT, "/v1/acts").is_err());
    }
}
