//! The head of a request, byte by byte, before hyper sees it (RFC 9112, with less freedom).
//!
//! ```text
//! PATCH /v1/uploads/3e9c… HTTP/1.1⏎     one of five methods, a path, this version
//! host: mla.example⏎                    exactly one
//! content-length: 67108864⏎             at most one; no transfer codings, so the body's end is never in doubt
//! …⏎                                    each field once; no continuation lines; CR LF and nothing else
//! ⏎
//! ```
//!
//! What is refused here is what has made two programs read one stream differently elsewhere: hyper takes a bare
//! LF, equal duplicates of Content-Length, absolute targets, and a body on GET. A head that
//! passes here means the same to every reader.

use http::StatusCode;

/// A head that is refused: the status to answer and a sentence to say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeadRefused {
    pub(super) status: StatusCode,
    pub(super) detail: &'static str,
}

const fn refused(status: StatusCode, detail: &'static str) -> HeadRefused {
    HeadRefused { status, detail }
}

const fn malformed(detail: &'static str) -> HeadRefused {
    refused(StatusCode::BAD_REQUEST, detail)
}

const METHODS: [&[u8]; 5] = [b"GET", b"HEAD", b"POST", b"PATCH", b"DELETE"];

/// Where the head ends in `bytes`, the empty line included, if it does. Bytes before `scanned` were seen in an earlier call.
pub(super) fn find_head_end(bytes: &[u8], scanned: usize) -> Result<Option<usize>, HeadRefused> {
    for (at, byte) in bytes.iter().enumerate().skip(scanned) {
        if *byte == b'\n' {
            if at == 0 || bytes[at - 1] != b'\r' {
                return Err(malformed("a line does not end in CR LF"));
            }
            if at >= 3 && bytes[at - 3..at] == *b"\r\n\r" {
                return Ok(Some(at + 1));
            }
        }
    }
    Ok(None)
}

/// Checks a whole head, its empty line included, and says how many bytes of body follow.
pub(super) fn parse_head(head: &[u8], fields_max: usize) -> Result<u64, HeadRefused> {
    let text = head.strip_suffix(b"\r\n\r\n").ok_or(malformed("the head has no end"))?;
    let mut lines = split_lines(text);
    let method = parse_request_line(lines.next().unwrap_or_default())?;
    let mut fields: Vec<Field<'_>> = Vec::with_capacity(fields_max);
    for line in lines {
        if fields.len() == fields_max {
            return Err(refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "there are too many header fields"));
        }
        let field = parse_field(line)?;
        if fields.iter().any(|earlier| earlier.name.eq_ignore_ascii_case(field.name)) {
            return Err(malformed("a header field stands twice"));
        }
        fields.push(field);
    }
    check_fields(method, &fields)
}

struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

fn split_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    // Every LF follows a CR here (find_head_end), so splitting at LF and dropping the CR loses nothing.
    text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn parse_request_line(line: &[u8]) -> Result<&[u8], HeadRefused> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(malformed("the request line is not a method, a path and a version"));
    };
    if version != b"HTTP/1.1" {
        let is_other_version = version.starts_with(b"HTTP/");
        let status = if is_other_version { StatusCode::HTTP_VERSION_NOT_SUPPORTED } else { StatusCode::BAD_REQUEST };
        return Err(refused(status, "the version is not HTTP/1.1"));
    }
    if !METHODS.contains(&method) {
        return Err(refused(StatusCode::NOT_IMPLEMENTED, "this method is not used here"));
    }
    if target.first() != Some(&b'/') || !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
        return Err(malformed("the target is not a path"));
    }
    Ok(method)
}

fn parse_field(line: &[u8]) -> Result<Field<'_>, HeadRefused> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(malformed("a header line has no colon"))?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    // A continuation line (obs-fold) begins with a blank, which no name contains; so does a blank before the colon.
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
        return Err(malformed("a header field's name is not a token"));
    }
    if !value.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t')) {
        return Err(malformed("a header field's value has a character that is not printable ASCII"));
    }
    Ok(Field { name, value: value.trim_ascii() })
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn check_fields(method: &[u8], fields: &[Field<'_>]) -> Result<u64, HeadRefused> {
    let find = |name: &str| fields.iter().find(|field| field.name.eq_ignore_ascii_case(name.as_bytes())).map(|field| field.value);
    match find("host") {
        Some(host) if is_host(host) => {}
        Some(_) => return Err(malformed("the Host field names no host")),
        None => return Err(malformed("there is no Host field")),
    }
    if find("transfer-encoding").is_some() || find("trailer").is_some() {
        return Err(malformed("transfer codings are not used here: give the body's length"));
    }
    if find("upgrade").is_some() {
        return Err(malformed("connections are not upgraded here"));
    }
    if find("connection").is_some_and(|value| ![&b"close"[..], b"keep-alive"].iter().any(|word| value.eq_ignore_ascii_case(word))) {
        return Err(malformed("the Connection field is neither close nor keep-alive"));
    }
    if find("expect").is_some_and(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
        return Err(refused(StatusCode::EXPECTATION_FAILED, "only 100-continue can be expected"));
    }
    let length = find("content-length");
    if length.is_some() && (method == b"GET" || method == b"HEAD") {
        return Err(malformed("GET and HEAD have no body"));
    }
    length.map_or(Ok(0), parse_length)
}

/// A name, an IPv4 address or a bracketed IPv6 address, with a port or without.
fn is_host(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte))
}

/// Decimal digits, in the one spelling that has no leading zero.
fn parse_length(value: &[u8]) -> Result<u64, HeadRefused> {
    let wrong = malformed("the Content-Length is not a number");
    let is_decimal = value.iter().all(u8::is_ascii_digit) && (value == b"0" || value.first() != Some(&b'0'));
    let digits = std::str::from_utf8(value).map_err(|_| wrong)?;
    if is_decimal { digits.parse().map_err(|_| wrong) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judge(head: &str) -> Result<u64, HeadRefused> {
        match find_head_end(head.as_bytes(), 0)? {
            Some(end) => parse_head(&head.as_bytes()[..end], 8),
            None => Err(malformed("unfinished")),
        }
    }

    #[test]
    fn a_plain_head_passes() {
        assert_eq!(judge("GET /v1/a?b=c HTTP/1.1\r\nHost: a.example:8443\r\n\r\n"), Ok(0));
        assert_eq!(judge("POST / HTTP/1.1\r\nhost: [::1]:1\r\nContent-Length:  17 \r\nExpect: 100-Continue\r\n\r\n"), Ok(17));
        assert_eq!(judge("PATCH / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"), Ok(0));
    }

    #[test]
    fn each_other_reading_is_refused() {
        let cases = [
            ("400", "GET / HTTP/1.1\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: \r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a b\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\r\nHOST: b\r\n\r\n"),
            ("400", "GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("400", "GET * HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("400", "GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("400", "GET /é HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("400", "GET  / HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("400", "GET / HTTP/1.1 \r\nhost: a\r\n\r\n"),
            ("400", "GET /\r\nhost: a\r\n\r\n"),
            ("400", "\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("400", "\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("400", "GET / HTTP/1.1\nhost: a\n\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\rx: y\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\r\n b\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost : a\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\r\nx\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\r\n: x\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\r\nx: é\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n"),
            ("400", "HEAD / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"),
            ("400", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n"),
            ("400", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1\r\n\r\n"),
            ("400", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\n"),
            ("400", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 01\r\n\r\n"),
            ("400", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n\r\n"),
            ("400", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551616\r\n\r\n"),
            ("400", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"),
            ("400", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\n\r\n"),
            ("400", "GET / HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\n\r\n"),
            ("417", "POST / HTTP/1.1\r\nhost: a\r\nexpect: tea\r\n\r\n"),
            ("501", "CONNECT / HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("501", "PUT / HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("501", "TRACE / HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("501", "get / HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("505", "GET / HTTP/1.0\r\nhost: a\r\n\r\n"),
            ("505", "PRI * HTTP/2.0\r\n\r\n"),
            ("431", "GET / HTTP/1.1\r\nhost: a\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\ng:\r\nh:\r\n\r\n"),
        ];
        for (status, head) in cases {
            let refused = judge(head).expect_err(head);
            assert_eq!(refused.status.as_str(), status, "{head:?}: {}", refused.detail);
        }
    }

    proptest! {
        #[test]
        fn arriving_in_pieces_changes_nothing(bytes in "[a\r\n]{0,40}", cut in 0usize..40) {
            let bytes = bytes.as_bytes();
            let cut = cut.min(bytes.len());
            let whole = find_head_end(bytes, 0);
            let pieces = match find_head_end(&bytes[..cut], 0) {
                Ok(None) => find_head_end(bytes, cut),
                found => found,
            };
            prop_assert_eq!(whole, pieces);
        }

        #[test]
        fn foreign_bytes_never_panic_and_what_passes_has_one_host(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut head = b"GET / HTTP/1.1\r\n".to_vec();
            head.extend_from_slice(&bytes);
            head.extend_from_slice(b"\r\n\r\n");
            if let Ok(Some(end)) = find_head_end(&head, 0)
                && parse_head(&head[..end], 8).is_ok()
            {
                let text = std::str::from_utf8(&head[..end]).unwrap().to_ascii_lowercase();
                prop_assert_eq!(text.matches("\r\nhost:").count(), 1);
            }
        }
    }
}
