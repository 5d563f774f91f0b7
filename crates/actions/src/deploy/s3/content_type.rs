//! Content types by extension.

/// What a browser is told of a file of this name.
pub(super) fn of(key: &str) -> &'static str {
    let name = key.rsplit('/').next().unwrap_or(key);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let Some(extension) = extension else { return OTHER };
    let known = TYPES.iter().find(|(_, extensions)| extensions.contains(&extension.as_str()));
    known.map_or(OTHER, |(kind, _)| kind)
}

const OTHER: &str = "application/octet-stream";

const TYPES: &[(&str, &[&str])] = &[
    ("text/html", &["html", "htm"]),
    ("text/css", &["css"]),
    ("text/javascript", &["js", "mjs"]),
    ("text/plain", &["txt", "text", "log"]),
    ("text/csv", &["csv"]),
    ("text/markdown", &["md", "markdown"]),
    ("text/xml", &["xml"]),
    ("text/calendar", &["ics"]),
    ("application/json", &["json", "map"]),
    ("application/manifest+json", &["webmanifest"]),
    ("application/yaml", &["yaml", "yml"]),
    ("application/pdf", &["pdf"]),
    ("application/wasm", &["wasm"]),
    ("application/zip", &["zip"]),
    ("application/gzip", &["gz", "tgz"]),
    ("application/x-tar", &["tar"]),
    ("application/java-archive", &["jar", "war"]),
    ("application/rtf", &["rtf"]),
    ("application/xhtml+xml", &["xhtml"]),
    ("application/rss+xml", &["rss"]),
    ("application/atom+xml", &["atom"]),
    ("image/png", &["png"]),
    ("image/jpeg", &["jpg", "jpeg"]),
    ("image/gif", &["gif"]),
    ("image/svg+xml", &["svg", "svgz"]),
    ("image/webp", &["webp"]),
    ("image/avif", &["avif"]),
    ("image/bmp", &["bmp"]),
    ("image/tiff", &["tif", "tiff"]),
    ("image/x-icon", &["ico"]),
    ("font/woff", &["woff"]),
    ("font/woff2", &["woff2"]),
    ("font/ttf", &["ttf"]),
    ("font/otf", &["otf"]),
    ("application/vnd.ms-fontobject", &["eot"]),
    ("audio/mpeg", &["mp3"]),
    ("audio/ogg", &["ogg", "oga"]),
    ("audio/wav", &["wav"]),
    ("video/mp4", &["mp4", "m4v"]),
    ("video/webm", &["webm"]),
    ("video/quicktime", &["mov"]),
];

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn an_extension_says_what_a_file_is() {
        for (key, kind) in [
            ("index.html", "text/html"),
            ("a/b.c/STYLE.CSS", "text/css"),
            ("app.min.js", "text/javascript"),
            ("a.b/noextension", "application/octet-stream"),
            ("x.unknown", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(of(key), kind, "{key}");
        }
    }
}
