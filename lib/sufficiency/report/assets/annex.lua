-- Figures, tables and the front page of an annex, for HTML, Word and Typst.
-- annex.json holds the front page and, by id, the words of every figure and table.
local handle = io.open("annex.json")
local annex = pandoc.json.decode(handle:read("a"), false)
handle:close()

-- Typographic apostrophes in words that do not pass through the markdown reader
local function curl(value)
  for name, s in pairs(value) do
    if type(s) == "table" then curl(s)
    elseif type(s) == "string" and name ~= "uri" and name ~= "table" and name ~= "data" then
      value[name] = s:gsub("(%w)'(%w)", "%1’%2"):gsub("(%w)'(%s)", "%1’%2")
    end
  end
end
curl(annex)
local text = pandoc.utils.stringify
local is = {html = FORMAT:match("html"), docx = FORMAT == "docx", typst = FORMAT == "typst"}

local function words(s) return pandoc.Inlines(s) end
local function styled(style, inlines)
  return pandoc.Div({pandoc.Para(inlines)}, pandoc.Attr("", {}, {["custom-style"] = style}))
end
local function typst_string(s)
  return '"' .. s:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("\n", " ") .. '"'
end
local function escape(s)
  return (s:gsub("&", "&amp;"):gsub("<", "&lt;"):gsub(">", "&gt;"):gsub('"', "&quot;"))
end
local function has(s) return s and s ~= "" end
local function note_of(item)
  local parts = {}
  if has(item.flag) then table.insert(parts, item.flag:sub(1, 1):upper() .. item.flag:sub(2) .. ".") end
  if has(item.note) then table.insert(parts, item.note) end
  if has(item.source) then table.insert(parts, "Source: " .. item.source:gsub("%.$", "") .. ".") end
  if item.kind == "figure" then table.insert(parts, "Data: results/" .. item.label .. ".csv.") end
  return table.concat(parts, " ")
end

-- A cell's inlines when they are more than plain text; pandoc.write is slow, so it is spared
local function marked_up(cell)
  local inlines = pandoc.utils.blocks_to_inlines(cell.contents)
  for _, inline in ipairs(inlines) do
    if inline.t ~= "Str" and inline.t ~= "Space" and inline.t ~= "SoftBreak" then return inlines end
  end
end
local function written(inlines, format)
  return (pandoc.write(pandoc.Pandoc({pandoc.Plain(inlines)}), format):gsub("%s+$", ""))
end

-- Tables are written here: header cells with their scope, scrolled by keyboard when too wide
local function html_table(tbl, caption)
  local function row(r, head)
    local cells = {}
    for i, cell in ipairs(r.cells) do
      local inlines = marked_up(cell)
      local inside = inlines and written(inlines, "html") or escape(text(cell.contents))
      local name = (head or i == 1) and "th" or "td"
      local scope = head and ' scope="col"' or i == 1 and ' scope="row"' or ""
      local said = text(cell.contents)
      local classes = {tbl.colspecs[i][1] == "AlignRight" and "number" or nil}
      if not head and #said < 17 and not said:match("%s") then table.insert(classes, "short") end
      if #said > 40 then table.insert(classes, "long") end
      local class = #classes > 0 and ' class="' .. table.concat(classes, " ") .. '"' or ""
      table.insert(cells, "<" .. name .. scope .. class .. ">" .. inside .. "</" .. name .. ">")
    end
    return "<tr>" .. table.concat(cells) .. "</tr>"
  end
  local rows = {}
  for _, body in ipairs(tbl.bodies) do
    for _, r in ipairs(body.body) do table.insert(rows, row(r, false)) end
  end
  local id = tbl.identifier ~= "" and ' id="' .. tbl.identifier .. '"' or ""
  return string.format('<div class="scroll" role="region" tabindex="0" aria-label="%s">' ..
    "<table%s%s><caption>%s</caption><thead>%s</thead>\n<tbody>\n%s\n</tbody></table></div>",
    escape(caption), id, #tbl.colspecs > 7 and ' class="wide"' or "", escape(caption), row(tbl.head.rows[1], true), table.concat(rows, "\n"))
end

local function figure(id, item)
  local title, note = item.name .. ": " .. item.title, note_of(item)
  local under = item.subtitle
  if has(item.caption) and item.caption ~= item.title then under = under .. ". " .. item.caption end
  if is.html then
    local data = pandoc.read(item.table, "markdown").blocks[1]
    data.identifier = ""
    return pandoc.RawBlock("html", string.format(
      '<figure id="%s"><figcaption><strong>%s</strong> <span>%s</span></figcaption>' ..
      '<img src="%s" alt="%s"><p class="note">%s</p><details><summary>Data behind %s</summary>%s' ..
      "</details></figure>", id, escape(title), escape(under), item.uri, escape(item.alt),
      escape(note), item.name:lower(), html_table(data, "Data behind " .. item.name:lower())))
  elseif is.typst then
    return pandoc.RawBlock("typst", string.format(
      "#annex-figure(%s, %s, %s, %s, %s)", typst_string(id), typst_string(item.alt),
      typst_string(title), typst_string(under), typst_string(note)))
  end
  local image = pandoc.Image(words(item.alt), id .. ".png", "", pandoc.Attr("", {}, {width = "16.4cm"}))
  local blocks = {styled("Figure Title", words(title)), styled("Figure Subtitle", words(under)),
                  styled("Figure Picture", {image}), styled("Source Note", words(note))}
  return pandoc.Div(blocks, pandoc.Attr(id))
end

function Div(div)
  if div.classes:includes("annex-figure") then return figure(div.identifier, annex.items[div.identifier]) end
end

-- Longest text and longest word of each column, which set its width
local function measure(tbl)
  local size, word = {}, {}
  local function row(r)
    for i, cell in ipairs(r.cells) do
      local s = text(cell.contents)
      size[i] = math.max(size[i] or 0, utf8.len(s) or #s)
      for w in s:gmatch("%S+") do word[i] = math.max(word[i] or 4, utf8.len(w) or #w) end
    end
  end
  for _, r in ipairs(tbl.head.rows) do
    for i, cell in ipairs(r.cells) do
      for w in text(cell.contents):gmatch("%S+") do
        size[i] = math.max(size[i] or 0, utf8.len(w) or #w)
        word[i] = math.max(word[i] or 4, utf8.len(w) or #w)
      end
    end
  end
  for _, body in ipairs(tbl.bodies) do for _, r in ipairs(body.body) do row(r) end end
  return size, word
end

-- Shares of a line of `room` characters: the longest words first, the rest to the long columns
local function balance(size, word, room, pad)
  local least, wish, fixed, extra, shares = {}, {}, 0, 0, {}
  for i = 1, #size do
    least[i] = pad * math.min(word[i], 16) + 1.5
    wish[i] = math.max(math.min(size[i], 160) + 2 - least[i], 0.1)
    fixed, extra = fixed + least[i], extra + wish[i]
  end
  local spare = math.max(room - fixed, 0)
  for i = 1, #size do shares[i] = (least[i] + spare * wish[i] / extra) / (fixed + spare) end
  return shares, fixed
end

local function typst_cells(row)
  local cells = {}
  for _, cell in ipairs(row.cells) do
    local inlines = marked_up(cell)
    table.insert(cells, inlines and "[" .. written(inlines, "typst") .. "]"
      or typst_string(text(cell.contents)))
  end
  return table.concat(cells, ", ")
end

local function typst_table(tbl, caption, note)
  local size, word = measure(tbl)
  local count, total, natural = #size, 0, 0
  local columns, align = {}, {}
  for i, cell in ipairs(tbl.head.rows[1].cells) do
    total = total + math.min(size[i], 40)
    natural = natural + math.max(size[i], utf8.len(text(cell.contents))) + 2
    align[i] = tbl.colspecs[i][1] == "AlignRight" and "right" or "left"
    columns[i] = i == 1 and "1fr" or "auto"
  end
  local room = count <= 6 and 95 or count <= 8 and 110 or count <= 9 and 122 or 180
  if natural > room then
    for i, share in ipairs((balance(size, word, room, 1.05))) do
      columns[i] = string.format("%.3ffr", share)
    end
  end
  local rows = {}
  for _, body in ipairs(tbl.bodies) do
    for _, row in ipairs(body.body) do table.insert(rows, "  " .. typst_cells(row) .. ",") end
  end
  return pandoc.RawBlock("typst", string.format(
    "#annex-table(%s, %s, %s, %d, %d, (%s,), (%s,), (%s,),\n%s\n)", typst_string(tbl.identifier), typst_string(caption),
    typst_string(note), count, total, table.concat(columns, ", "), table.concat(align, ", "),
    typst_cells(tbl.head.rows[1]), table.concat(rows, "\n")))
end

function Table(tbl)
  local item = annex.items[tbl.identifier]
  local caption = text(tbl.caption.long)
  if item then caption = item.name .. ": " .. caption end
  local note = item and note_of(item) or ""
  if is.typst then return typst_table(tbl, caption, note) end
  if is.html then
    local made = {pandoc.RawBlock("html", html_table(tbl, caption))}
    if note ~= "" then made[2] = pandoc.Div({pandoc.Para(words(note))}, pandoc.Attr("", {"note"})) end
    return made
  end
  if caption ~= "" then tbl.caption.long = {pandoc.Plain(words(caption))} end
  if is.docx then
    local size, word = measure(tbl)
    local total = 0
    for i = 1, #size do total = total + size[i] end
    local shares, fixed = balance(size, word, 88, 1.25)
    local small = #size > 8 or total > 150 or fixed > 88
    if small then shares = balance(size, word, 108, 1.1) end
    local style = small and "Table Text Small" or "Table Text"
    for i, spec in ipairs(tbl.colspecs) do tbl.colspecs[i] = {spec[1], shares[i]} end
    local short = #tbl.bodies[1].body <= 14
    local function set(row, last)
      for _, cell in ipairs(row.cells) do
        cell.contents = {styled(style .. (short and not last and " Kept" or ""), pandoc.utils.blocks_to_inlines(cell.contents))}
      end
    end
    for _, row in ipairs(tbl.head.rows) do set(row) end
    for _, body in ipairs(tbl.bodies) do
      for i, row in ipairs(body.body) do set(row, i == #body.body) end
    end
  end
  -- Word puts no space after a table; a note, or a blank in its place, does
  return {tbl, styled("Source Note", words(note ~= "" and note or "\u{a0}"))}
end

function Math(math)
  if not is.typst then return end
  local inside = pandoc.write(pandoc.Pandoc({pandoc.Plain({math})}), "typst"):gsub("%s+$", "")
  return pandoc.RawInline("typst", string.format("#math.equation(block: %s, alt: %s, %s)",
    tostring(math.mathtype == "DisplayMath"), typst_string(math.text), inside))
end

-- Word's own contents list, filled in: it can be read, and followed, before Word counts the pages
local function contents(blocks)
  local list = pandoc.Blocks({})
  local function field(kind)
    return pandoc.RawInline("openxml", '<w:r><w:fldChar w:fldCharType="' .. kind .. '"/></w:r>')
  end
  for _, block in ipairs(blocks) do
    if block.t == "Header" and block.level < 3 and has(block.identifier) then
      list:insert(styled("toc " .. block.level,
        {pandoc.Link(words(text(block.content)), "#" .. block.identifier)}))
    end
  end
  if #list == 0 then return list end
  local first, last = list[1].content[1].content, list[#list].content[1].content
  first:insert(1, field("separate"))
  first:insert(1, pandoc.RawInline("openxml",
    '<w:r><w:instrText xml:space="preserve">TOC \\o "1-2" \\h \\z \\u</w:instrText></w:r>'))
  first:insert(1, field("begin"))
  last:insert(field("end"))
  list:insert(1, styled("TOC Heading", words("Contents")))
  return list
end

function Pandoc(doc)
  local front = annex.front
  local facts = {{"Council", front.council}, {"As at", front.as_at}, {"Decision", front.decision}}
  local said = {}
  for _, fact in ipairs(facts) do
    if has(fact[2]) then table.insert(said, fact) end
  end
  if #front.provenance > 0 then
    doc.blocks:insert(pandoc.Header(1, words("Provenance of this document"), pandoc.Attr("provenance")))
    local lines = {}
    for _, line in ipairs(front.provenance) do table.insert(lines, {pandoc.Plain(words(line))}) end
    doc.blocks:insert(pandoc.BulletList(lines))
  end
  doc.meta.title = words(front.title)
  doc.meta.subtitle = has(front.subtitle) and words(front.subtitle) or nil
  doc.meta.lang = "en-GB"
  doc.meta.flag = has(front.flag) and words(front.flag) or nil
  doc.meta.facts = pandoc.MetaList({})
  if is.docx then doc.blocks = contents(doc.blocks) .. doc.blocks end
  for i, fact in ipairs(said) do
    doc.meta.facts[i] = pandoc.MetaMap({name = words(fact[1]), value = words(fact[2])})
    if is.docx then
      local line = words(fact[1] .. ": ")
      line = pandoc.Inlines({pandoc.Strong(line)}) .. words(fact[2])
      doc.blocks:insert(i, styled("Front Line", line))
    end
  end
  if is.docx and has(front.flag) then
    doc.blocks:insert(1, styled("Flag", words(front.flag:sub(1, 1):upper() .. front.flag:sub(2))))
  end
  return doc
end
