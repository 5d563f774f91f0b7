//! What postcard can't read back (JSON values, types that leave members out) is kept as JSON text
//! in snapshots: `#[serde(with = "text")]`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

pub(super) fn serialize<T: Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&serde_json::to_string(value).map_err(ser::Error::custom)?)
}

pub(super) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    serde_json::from_str(&String::deserialize(from)?).map_err(de::Error::custom)
}

/// The structures of a pipeline by version.
pub(super) mod structures {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

    use crate::structure::Structure;

    pub(in crate::pipeline) fn serialize<S: Serializer>(
        map: &BTreeMap<u32, Arc<Structure>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let texts: Result<Vec<_>, _> =
            map.values().map(|structure| serde_json::to_string(&**structure)).collect();
        texts.map_err(ser::Error::custom)?.serialize(to)
    }

    pub(in crate::pipeline) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<u32, Arc<Structure>>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let read = |text: &String| {
            let structure: Structure = serde_json::from_str(text).map_err(de::Error::custom)?;
            Ok((structure.version, Arc::new(structure)))
        };
        texts.iter().map(read).collect()
    }
}
