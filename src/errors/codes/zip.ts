import type { CodeTable } from "../code-table.ts";

/** Codes of zip and tar archives (x1xx). */
export const ZIP_CODES = {
  WB3101: {
    title: "the archive's directory is missing or damaged",
    meaning:
      "A zip ends with a record that leads to its table of contents. It is not there, contradicts itself, or points outside the file: usually a truncated download.",
    remedy: "Download or copy the file again and compare its size with the original's.",
    details: { path: "string" },
  },
  WB3102: {
    title: "an entry of the archive contradicts itself",
    meaning:
      "The table of contents and the header before the data differ, two entries overlap, or one is outside the file.",
    remedy: "Download the file again; readers would disagree about what this one holds.",
    details: { where: "string" },
  },
  WB3103: {
    title: "the archive is a damaged tar file",
    meaning: "A header of the tar file has a wrong checksum or size, or an entry is missing.",
    remedy: "Download or copy the file again and compare its size with the original's.",
    details: { path: "string" },
  },
  WB3104: {
    title: "the checksum of an archive's record is wrong",
    meaning:
      "A zip holds the CRC-32 of each record. The record's bytes have another: a bit flipped on the way, or the file was edited. torch.load does not look.",
    remedy:
      "Download or copy the file again. If it is the original, its values are not those that were saved.",
    details: { where: "string", expected: "number", found: "number" },
  },
  WB4101: {
    title: "an archive feature that torch.save never uses",
    meaning:
      "The zip is encrypted, compressed in another way than deflate, or split over several volumes.",
    remedy: "Unpack it and save the checkpoint again with torch.save, or repack it with `zip -0`.",
    details: { path: "string" },
  },
  WB5101: {
    title: "two entries of the archive have one name",
    meaning:
      "Readers differ in which of the two they take, which is how a payload is hidden from a scanner.",
    remedy: "Do not load this file.",
    details: { path: "string" },
  },
  WB5103: {
    title: "a member that leads out of its folder",
    meaning:
      "The archive names a member by an absolute path or by .., so that a program that unpacks it writes elsewhere.",
    remedy: "Do not unpack or load this file.",
    details: {},
  },
  WB5102: {
    title: "a record that inflates beyond measure",
    meaning:
      "A compressed record names more than 200 times its bytes as its length. Weights do not compress so; a bomb does.",
    remedy: "If the file is trusted (zeros compress so), unpack it and repack it with `zip -0`.",
    details: { where: "string" },
  },
} as const satisfies CodeTable;
