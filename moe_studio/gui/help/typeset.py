"""How a help page looks: sizes, space between lines and paragraphs, quiet tables."""

from collections.abc import Iterator

from PySide6.QtGui import (
    QColor,
    QFont,
    QPalette,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFragment,
    QTextFrameFormat,
    QTextLength,
    QTextList,
    QTextListFormat,
    QTextTable,
)

LINE_PERCENT = 135.0
HEADING_PIXELS = {1: 24, 2: 17, 3: 14}
ABOVE_HEADING = {1: 0.0, 2: 22.0, 3: 14.0}
BELOW, BELOW_ITEM = 10.0, 5.0
CELL, INDENT, HAIRLINE = 6.0, 22.0, 40


def typeset(document: QTextDocument, palette: QPalette) -> None:
    """Give a page that was read from Markdown its looks."""
    document.setIndentWidth(INDENT)
    for block in _blocks(document):
        cursor = QTextCursor(block)
        _bullet(block)
        _space(cursor, block)
        _letters(block, palette.color(QPalette.ColorRole.AlternateBase))
    for frame in document.rootFrame().childFrames():
        if isinstance(frame, QTextTable):
            line = palette.color(QPalette.ColorRole.Text)
            line.setAlpha(HAIRLINE)
            _table(frame, line)


def _list_of(block: QTextBlock) -> QTextList | None:
    return block.textList()


def _bullet(block: QTextBlock) -> None:
    """A dot for each item, where Markdown has circles."""
    items = _list_of(block)
    if items is not None and items.format().style() is QTextListFormat.Style.ListCircle:
        wanted = items.format()
        wanted.setStyle(QTextListFormat.Style.ListDisc)
        items.setFormat(wanted)


def _space(cursor: QTextCursor, block: QTextBlock) -> None:
    """Space around a paragraph and between its lines."""
    wanted = QTextBlockFormat()
    level = block.blockFormat().headingLevel()
    is_code = block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence)
    has_room = cursor.currentTable() is None and not (is_code and _is_code(block.next()))
    if not is_code and "\ufffc" not in block.text():  # a picture must not be cut by a line of text's height
        wanted.setLineHeight(LINE_PERCENT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    wanted.setTopMargin(ABOVE_HEADING.get(level, 0.0))
    is_item = _list_of(block) is not None and _list_of(block.next()) is not None
    wanted.setBottomMargin((BELOW_ITEM if is_item else BELOW) if has_room else 0.0)
    cursor.mergeBlockFormat(wanted)


def _is_code(block: QTextBlock) -> bool:
    return block.isValid() and block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence)


def _letters(block: QTextBlock, raised: QColor) -> None:
    """Sizes of headings, one bold weight, code on a quiet ground."""
    level = block.blockFormat().headingLevel()
    pieces = [(piece.position(), piece.length(), piece.charFormat()) for piece in _pieces(block)]
    for start, length, old in pieces:
        wanted = QTextCharFormat(old)
        if level:
            # Qt's own steps of size would win over any size that is set.
            wanted.clearProperty(QTextFormat.Property.FontSizeAdjustment)
            wanted.setProperty(QTextFormat.Property.FontPixelSize, HEADING_PIXELS.get(level, 14))
        if old.fontWeight() > QFont.Weight.Medium:
            wanted.setFontWeight(QFont.Weight.DemiBold)
        if old.fontFixedPitch():
            wanted.setBackground(raised)
            wanted.setProperty(QTextFormat.Property.FontPixelSize, 12)
        cursor = QTextCursor(block)
        cursor.setPosition(start)
        cursor.setPosition(start + length, QTextCursor.MoveMode.KeepAnchor)
        cursor.setCharFormat(wanted)


def _table(table: QTextTable, line: QColor) -> None:
    """A table with hairlines between rows only."""
    wanted = table.format()
    wanted.setBorderCollapse(True)
    wanted.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_None)
    wanted.setBorder(0)
    wanted.setCellPadding(CELL)
    wanted.setCellSpacing(0)
    wanted.setBottomMargin(BELOW)
    wanted.setTopMargin(BELOW)
    wanted.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
    table.setFormat(wanted)
    for row in range(table.rows()):
        for column in range(table.columns()):
            cell = table.cellAt(row, column)
            form = cell.format().toTableCellFormat()
            form.setBottomBorder(1)
            form.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
            form.setBottomBorderBrush(line)
            form.setLeftPadding(0 if column == 0 else CELL)
            cell.setFormat(form)


def _blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    block = document.begin()
    while block.isValid():
        yield block
        block = block.next()


def _pieces(block: QTextBlock) -> Iterator[QTextFragment]:
    found = block.begin()
    while not found.atEnd():
        yield found.fragment()
        found += 1
