"""Drawings of the shop's goods: SVG on 200x200, with places for a colour, a darker and a lighter one."""

__all__ = ["DRAWINGS"]

DRAWINGS = {
    "lamp": (
        '<path d="M62 92 100 36 138 92Z" fill="{c}"/><path d="M62 92 100 36 112 54 84 92Z" fill="{l}"/>'
        '<rect x="97" y="92" width="6" height="62" fill="{metal}"/>'
        '<ellipse cx="100" cy="158" rx="34" ry="9" fill="{d}"/>'
    ),
    "floor_lamp": (
        '<path d="M70 66 82 22h36l12 44Z" fill="{c}"/><path d="M70 66 82 22h12l-8 44Z" fill="{l}"/>'
        '<rect x="98" y="66" width="4" height="104" fill="{metal}"/>'
        '<rect x="74" y="168" width="52" height="7" rx="3" fill="{d}"/>'
    ),
    "lantern": (
        '<path d="M80 50a20 20 0 0 1 40 0" fill="none" stroke="{metal}" stroke-width="5"/>'
        '<rect x="62" y="50" width="76" height="14" rx="4" fill="{d}"/>'
        '<rect x="68" y="64" width="64" height="84" fill="{c}"/>'
        '<rect x="80" y="74" width="40" height="64" rx="4" fill="#fff6d8"/>'
        '<path d="M100 92q14 20 0 34q-14-14 0-34" fill="#f6a821"/>'
        '<rect x="60" y="148" width="80" height="14" rx="4" fill="{d}"/>'
    ),
    "candle": (
        '<rect x="72" y="76" width="56" height="88" rx="6" fill="{c}"/>'
        '<rect x="72" y="76" width="14" height="88" rx="6" fill="{l}"/>'
        '<ellipse cx="100" cy="78" rx="28" ry="7" fill="{d}"/>'
        '<rect x="98" y="60" width="4" height="18" fill="#4a3b2e"/>'
        '<path d="M100 28q16 22 0 36q-16-14 0-36" fill="#f6a821"/>'
    ),
    "mug": (
        '<path d="M134 78h14a22 22 0 0 1 0 48h-14" fill="none" stroke="{d}" stroke-width="10"/>'
        '<path d="M54 60h82v76q0 20-20 20H74q-20 0-20-20Z" fill="{c}"/>'
        '<path d="M54 60h16v94q-16-4-16-18Z" fill="{l}"/><ellipse cx="95" cy="60" rx="41" ry="9" fill="{d}"/>'
    ),
    "kettle": (
        '<path d="M62 70a38 34 0 0 1 76 0" fill="none" stroke="#3a3d44" stroke-width="8"/>'
        '<path d="M140 100l30-18 6 8-28 34Z" fill="{d}"/>'
        '<path d="M58 78h84l14 76q0 8-8 8H52q-8 0-8-8Z" fill="{c}"/>'
        '<path d="M58 78h18l-12 84H52q-8 0-8-8Z" fill="{l}"/><circle cx="100" cy="72" r="8" fill="#3a3d44"/>'
    ),
    "bowl": (
        '<path d="M36 84h128q0 62-48 68H84q-48-6-48-68Z" fill="{c}"/>'
        '<path d="M36 84h30q0 48 26 68h-8q-48-6-48-68Z" fill="{l}"/>'
        '<ellipse cx="100" cy="84" rx="64" ry="14" fill="{d}"/>'
        '<rect x="78" y="150" width="44" height="10" rx="4" fill="{d}"/>'
    ),
    "bottle": (
        '<rect x="86" y="26" width="28" height="20" rx="4" fill="#3a3d44"/>'
        '<path d="M88 46h24v18q18 8 18 30v66q0 14-14 14H84q-14 0-14-14V94q0-22 18-30Z" fill="{c}"/>'
        '<rect x="78" y="96" width="9" height="66" rx="4" fill="{l}"/>'
    ),
    "chair": (
        '<rect x="64" y="36" width="72" height="62" rx="8" fill="{c}"/>'
        '<rect x="64" y="36" width="18" height="62" rx="8" fill="{l}"/>'
        '<rect x="56" y="102" width="88" height="16" rx="6" fill="{d}"/>'
        '<path d="M64 118h9l-6 54h-9ZM127 118h9l6 54h-9Z" fill="{wood}"/>'
    ),
    "armchair": (
        '<rect x="56" y="48" width="88" height="70" rx="18" fill="{c}"/>'
        '<rect x="40" y="88" width="28" height="62" rx="12" fill="{d}"/>'
        '<rect x="132" y="88" width="28" height="62" rx="12" fill="{d}"/>'
        '<rect x="64" y="108" width="72" height="36" rx="8" fill="{l}"/>'
        '<path d="M52 150h10v18H52ZM138 150h10v18h-10Z" fill="{wood}"/>'
    ),
    "stool": (
        '<ellipse cx="100" cy="74" rx="52" ry="16" fill="{c}"/>'
        '<path d="M48 74a52 16 0 0 0 104 0v10a52 16 0 0 1-104 0Z" fill="{d}"/>'
        '<path d="M66 92h10l-12 80H54ZM124 92h10l12 80h-10ZM96 98h8v74h-8Z" fill="{wood}"/>'
        '<ellipse cx="86" cy="70" rx="22" ry="5" fill="{l}"/>'
    ),
    "bookcase": (
        '<rect x="52" y="30" width="96" height="142" rx="4" fill="{c}"/><g fill="{d}">'
        '<rect x="60" y="38" width="80" height="36"/><rect x="60" y="82" width="80" height="36"/>'
        '<rect x="60" y="126" width="80" height="38"/></g><g fill="{l}"><rect x="66" y="46" width="9" height="28"/>'
        '<rect x="78" y="42" width="7" height="32"/><rect x="116" y="90" width="9" height="28"/>'
        '<rect x="70" y="138" width="34" height="26"/></g>'
    ),
    "shirt": (
        '<path d="M70 42 36 62l14 34 16-8v76h68V88l16 8 14-34-34-20q-30 18-60 0Z" fill="{c}"/>'
        '<path d="M66 88v76h16V70Z" fill="{l}"/><path d="M76 44q24 22 48 0l6 4q-30 26-60 0Z" fill="{d}"/>'
    ),
    "jacket": (
        '<path d="M72 38 38 58l-8 96h24l8-58v72h76V96l8 58h24l-8-96-34-20-28 12Z" fill="{c}"/>'
        '<path d="M62 96v72h16V60Z" fill="{l}"/><path d="M72 38 100 50l28-12-16 34-12-12-12 12Z" fill="{d}"/>'
        '<path d="M98 62h4v106h-4Z" fill="{metal}"/>'
    ),
    "dress": (
        '<path d="M80 30v18q-10 22 2 44L52 170h96l-30-78q12-22 2-44V30h-8v18q-12 12-24 0V30Z" fill="{c}"/>'
        '<path d="M82 92 52 170h24l16-78Z" fill="{l}"/><rect x="81" y="88" width="38" height="7" fill="{d}"/>'
    ),
    "hoodie": (
        '<path d="M72 54 40 70l-10 84h24l8-50v64h76v-64l8 50h24l-10-84-32-16Z" fill="{c}"/>'
        '<path d="M70 56q4-30 30-30t30 30q-30 30-60 0Z" fill="{d}"/>'
        '<rect x="76" y="118" width="48" height="30" rx="8" fill="{l}"/>'
        '<path d="M92 74v22M108 74v22" stroke="{metal}" stroke-width="3"/>'
    ),
    "backpack": (
        '<path d="M82 44a18 18 0 0 1 36 0" fill="none" stroke="{d}" stroke-width="7"/>'
        '<rect x="54" y="44" width="92" height="124" rx="26" fill="{c}"/>'
        '<path d="M54 84h92" stroke="{d}" stroke-width="5"/>'
        '<rect x="68" y="110" width="64" height="46" rx="10" fill="{l}"/>'
        '<rect x="92" y="104" width="16" height="12" rx="3" fill="{metal}"/>'
    ),
    "tote": (
        '<path d="M74 76q0-44 26-44t26 44" fill="none" stroke="{d}" stroke-width="7"/>'
        '<path d="M48 76h104l10 92H38Z" fill="{c}"/><path d="M48 76h18l-6 92H38Z" fill="{l}"/>'
        '<circle cx="106" cy="124" r="17" fill="{d}"/>'
    ),
    "suitcase": (
        '<path d="M84 52V30h32v22" fill="none" stroke="{metal}" stroke-width="6"/>'
        '<rect x="54" y="52" width="92" height="106" rx="12" fill="{c}"/><g fill="{d}">'
        '<rect x="72" y="52" width="6" height="106"/><rect x="97" y="52" width="6" height="106"/>'
        '<rect x="122" y="52" width="6" height="106"/></g>'
        '<rect x="58" y="60" width="8" height="90" rx="4" fill="{l}"/>'
        '<circle cx="70" cy="164" r="7" fill="#3a3d44"/><circle cx="130" cy="164" r="7" fill="#3a3d44"/>'
    ),
    "satchel": (
        '<path d="M46 92Q60 30 100 30t54 62" fill="none" stroke="{d}" stroke-width="5"/>'
        '<rect x="40" y="84" width="120" height="76" rx="10" fill="{c}"/>'
        '<path d="M40 84h120v28q-60 32-120 0Z" fill="{d}"/>'
        '<rect x="92" y="118" width="16" height="20" rx="3" fill="{metal}"/>'
        '<rect x="50" y="140" width="100" height="8" rx="4" fill="{l}"/>'
    ),
    "pot": (
        '<path d="M100 92q-34-10-30-50q30 6 30 50q0-44 30-50q4 40-30 50" fill="#3f8f54"/>'
        '<path d="M100 92V40" stroke="#2f6f40" stroke-width="4"/>'
        '<rect x="54" y="90" width="92" height="20" rx="4" fill="{d}"/><path d="M60 110h80l-12 60H72Z" fill="{c}"/>'
        '<path d="M60 110h18l-2 60h-4Z" fill="{l}"/>'
    ),
    "can": (
        '<path d="M120 84q46-24 42 30q-4 34-40 34" fill="none" stroke="{d}" stroke-width="8"/>'
        '<path d="M70 120 32 74l-10 8 44 66Z" fill="{d}"/><path d="M14 88 34 64l6 6-20 24Z" fill="{metal}"/>'
        '<path d="M64 82h64l6 84H58Z" fill="{c}"/><path d="M64 82h16l-4 84H58Z" fill="{l}"/>'
    ),
    "parasol": (
        '<rect x="97" y="40" width="6" height="126" fill="{wood}"/>'
        '<path d="M24 98q8-64 76-66q68 2 76 66Z" fill="{c}"/><path d="M62 98q6-58 38-66q32 8 38 66Z" fill="{l}"/>'
        '<path d="M88 98q2-52 12-66q10 14 12 66Z" fill="{c}"/>'
        '<rect x="72" y="164" width="56" height="9" rx="4" fill="{d}"/>'
    ),
    "bird_house": (
        '<rect x="96" y="140" width="8" height="36" fill="{wood}"/><path d="M60 82h80v60H60Z" fill="{c}"/>'
        '<path d="M60 82h18v60H60Z" fill="{l}"/><path d="M44 88 100 34l56 54-8 8-48-46-48 46Z" fill="{d}"/>'
        '<circle cx="100" cy="104" r="14" fill="#2b2018"/>'
        '<rect x="92" y="126" width="16" height="4" fill="{wood}"/>'
    ),
}
