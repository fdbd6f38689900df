/** What a conversion notes of each tensor: dtype, shape and SHA-256. */
export const MANIFEST = "weighbridge.manifest.json";

/** The config.json that the model was published with; a second conversion carries it on. */
export const ORIGINAL_CONFIG = "config.original.json";
