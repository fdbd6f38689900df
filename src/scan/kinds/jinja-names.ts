/** Filters and methods that put texts together or change them, so that their result is none that stands in the template. */
export const MAKES_TEXT =
  /^(?:join|format|format_map|replace|reverse|string|tojson|indent|center|wordwrap|urlencode|xmlattr|pprint|escape|e|forceescape|filesizeformat|translate|zfill|ljust|rjust|expandtabs|encode|decode|safe|capitalize|title|swapcase)$/;

/** Filters and methods that change a text, or take a part of it: of what a template itself says they make any name. */
export const CHANGES_TEXT =
  /^(?:lower|upper|casefold|title|capitalize|swapcase|trim|strip|lstrip|rstrip|removeprefix|removesuffix|partition|rpartition|split|rsplit|splitlines|truncate|striptags|first|last|random|list|slice|batch|map|sort|unique|items|dictsort)$/;

/** Filters whose arguments may name attributes. */
export const TAKES_NAMES: ReadonlySet<string> = new Set(
  "map attr sort groupby selectattr rejectattr sum min max unique join".split(" "),
);

/** Names of attributes that lead from a generator or a function to all of Python, without an underscore before them. */
export const INTERNAL =
  /^_|^(?:(?:gi|cr|ag)_\w+|tb_(?:frame|next)|f_(?:globals|builtins|locals|back|code)|func_\w+|im_\w+|mro|co_code)$/;

/** The same in a text of the template, which may be formatted or looked up. */
export const INTERNAL_TEXT =
  /__|\b(?:(?:gi|cr|ag)_(?:frame|code|yieldfrom|await)|tb_(?:frame|next)|f_(?:globals|builtins)|func_(?:globals|code)|mro)\b/;

/** Globals of jinja2 and transformers whose results are numbers, or hold what they are given. */
export const PLAIN_GLOBALS: ReadonlySet<string> = new Set([
  "range",
  "namespace",
  "dict",
  "raise_exception",
]);
