"""The listing as a workbook (Office Open XML, ECMA-376), a sheet for each table: numbers are numbers, texts are texts.

Written without a library: a package of five kinds of small XML files. The same listing gives the same bytes.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from xml.sax.saxutils import escape, quoteattr

from pinbench.contract.case import Scalar
from pinbench.harness.report.listing import Listing
from pinbench.harness.report.tables import Table, kpi_table, tables

ENDING = ".xlsx"

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_WIDEST = 60  # characters of a column
_MOST_CHARACTERS = 32_767  # of a cell
# Two formats of cells: as they are, and bold for the header.
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def render(listing: Listing) -> bytes:
    """Return the workbook."""
    sheets = [*tables(listing), *(() if listing.primary_only else (kpi_table(listing),))]
    files = {
        "[Content_Types].xml": _content_types(len(sheets)),
        "_rels/.rels": _relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": _workbook(sheets),
        "xl/_rels/workbook.xml.rels": _relations(
            {f"rId{number}": ("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, len(sheets) + 1)}
            | {"rIdStyles": ("styles", "styles.xml")}
        ),
        "xl/styles.xml": _STYLES,
        **{f"xl/worksheets/sheet{number}.xml": _sheet(table) for number, table in enumerate(sheets, start=1)},
    }
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)  # dated 1980
            package.writestr(entry, (_XML + content).encode(), compress_type=zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _content_types(sheets: int) -> str:
    parts = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles")]
    parts += [(f"/xl/worksheets/sheet{number}.xml", "worksheet") for number in range(1, sheets + 1)]
    overrides = "".join(f'<Override PartName="{name}" ContentType="{_KIND}.{kind}+xml"/>' for name, kind in parts)
    return (
        f'<Types xmlns="{_TYPES}">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    each = (
        f'<Relationship Id="{name}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_RELATIONS}">{"".join(each)}</Relationships>'


def _workbook(sheets: Sequence[Table]) -> str:
    each = (
        f'<sheet name={quoteattr(table.title)} sheetId="{number}" r:id="rId{number}"/>'
        for number, table in enumerate(sheets, start=1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{"".join(each)}</sheets></workbook>'


def _sheet(table: Table) -> str:
    """Return a sheet whose header stays in sight and filters the rows."""
    rows = [_row(1, table.header, style=1), *(_row(number, row) for number, row in enumerate(table.rows, start=2))]
    last = f"{_column(len(table.header))}{len(rows)}"
    columns = "".join(
        f'<col min="{place}" max="{place}" width="{width + 2}" customWidth="1"/>'
        for place, width in enumerate(_widths(table), start=1)
    )
    return (
        f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<cols>{columns}</cols><sheetData>{"".join(rows)}</sheetData><autoFilter ref="A1:{last}"/></worksheet>'
    )


def _widths(table: Table) -> Iterator[int]:
    for column in zip(table.header, *table.rows, strict=True):
        yield min(_WIDEST, max(len(str(cell)) for cell in column if cell is not None))


def _row(number: int, cells: Sequence[Scalar | None], style: int = 0) -> str:
    each = (_cell(f"{_column(place)}{number}", cell, style) for place, cell in enumerate(cells, start=1))
    return f'<row r="{number}">{"".join(each)}</row>'


def _cell(place: str, value: Scalar | None, style: int) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" s="{style}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        text = escape(_NOT_IN_XML.sub("\ufffd", value[:_MOST_CHARACTERS]))
        return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f'<c r="{place}" s="{style}"><v>{value!r}</v></c>'


def _column(number: int) -> str:
    """Return the letters of a column: 1 is A, 27 is AA."""
    letters = ""
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters
