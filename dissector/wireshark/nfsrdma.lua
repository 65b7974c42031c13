-- What nfsrdma found, in Wireshark: fields, expert information and a tree for each frame.
--
-- Two sources. The packet comments that "nfsrdma dissect --pcapng" and "--fix-for-wireshark" write
-- ("nfsrdma error: credit-zero: ... [RFC 8166, Section 4.1]"), in any capture; and a few rules that
-- can be seen from Wireshark's own fields alone, in captures that nobody has annotated.
-- For Lua 5.2 to 5.4.

local nfsrdma = Proto("nfsrdma", "NFS over RDMA: findings")

local f_finding = ProtoField.string("nfsrdma.finding", "Finding")
local f_severity = ProtoField.string("nfsrdma.severity", "Severity")
local f_text = ProtoField.string("nfsrdma.text", "Text")
local f_source = ProtoField.string("nfsrdma.source", "Specification")
local f_change = ProtoField.string("nfsrdma.change", "Change to the capture")
nfsrdma.fields = { f_finding, f_severity, f_text, f_source, f_change }

local e_error = ProtoExpert.new("nfsrdma.error", "A rule is broken",
    expert.group.PROTOCOL, expert.severity.ERROR)
local e_warning = ProtoExpert.new("nfsrdma.warning", "Suspicious",
    expert.group.PROTOCOL, expert.severity.WARN)
local e_note = ProtoExpert.new("nfsrdma.note", "Remark",
    expert.group.PROTOCOL, expert.severity.NOTE)
local e_change = ProtoExpert.new("nfsrdma.changed", "Not as captured",
    expert.group.COMMENTS_GROUP, expert.severity.COMMENT)
nfsrdma.experts = { e_error, e_warning, e_note, e_change }
local experts = { error = e_error, warning = e_warning, note = e_note }

local comments = Field.new("frame.comment")
local credits = Field.new("rpcordma.flow_control")
local message_type = Field.new("rpcordma.msg_type")
local version = Field.new("rpcordma.version")
local positions = Field.new("rpcordma.position")

-- The tree of a frame is made for the first thing that is in it.
local function grown(root)
    local tree
    return function()
        tree = tree or root:add(nfsrdma)
        return tree
    end
end

local function add(tree, severity, rule, text, source)
    local item = tree():add(f_finding, rule)
    item:add(f_severity, severity)
    item:add(f_text, text)
    if source then
        item:add(f_source, source)
    end
    item:add_proto_expert_info(experts[severity] or e_note, rule .. ": " .. text)
end

-- One comment; several of them may have been joined by line breaks.
local function from_comment(tree, line)
    local severity, rule, text = line:match("^nfsrdma (%a+): ([%w%-]+): (.*)$")
    if severity and experts[severity] then
        local before, source = text:match("^(.*) %[(.-)%]$")
        add(tree, severity, rule, before or text, source)
        return
    end
    local change = line:match("^nfsrdma added: (.*)$") or line:match("^nfsrdma fixed: (.*)$")
    if change then
        tree():add(f_change, change):add_proto_expert_info(e_change, change)
    end
end

-- Rules that need one message only. "known" has what the comments say already.
local function from_fields(tree, known)
    local granted = credits()
    if granted and granted.value == 0 and not known["credit-zero"] then
        add(tree, "error", "credit-zero", "no credits asked for or granted",
            "RFC 8166, Section 3.3.1")
    end
    local kind = message_type()
    if kind and (kind.value == 2 or kind.value == 3) and not known["procedure-obsolete"] then
        add(tree, "error", "procedure-obsolete", "RDMA_MSGP or RDMA_DONE",
            "RFC 8166, Section 4.6")
    end
    local number = version()
    if number and number.value ~= 1 and not known["version-2"] then
        add(tree, "note", "version-2", "an RPC-over-RDMA header of version " .. number.value, nil)
    end
    for _, position in ipairs({ positions() }) do
        if position.value % 4 ~= 0 and not known["position-misaligned"] then
            add(tree, "error", "position-misaligned", "position " .. position.value
                .. " is no multiple of four", "RFC 8166, Section 3.4.5")
        end
    end
end

function nfsrdma.dissector(buffer, pinfo, root)
    local lines, known = {}, {}
    for _, info in ipairs({ comments() }) do
        for line in tostring(info.value):gmatch("[^\n]+") do
            if line:find("^nfsrdma ") then
                lines[#lines + 1] = line
                local rule = line:match("^nfsrdma %a+: ([%w%-]+): ")
                if rule then
                    known[rule] = true
                end
            end
        end
    end
    local tree = grown(root)
    for _, line in ipairs(lines) do
        from_comment(tree, line)
    end
    from_fields(tree, known)
end

register_postdissector(nfsrdma)
