"""Small PDFs as others make them."""

from __future__ import annotations


def make_plain_pdf(script: bool = False, pages: int = 1) -> bytes:
    """A PDF of empty pages; with `script` one that runs a program when it is opened."""
    action = "/OpenAction << /S /JavaScript /JS (app.alert(1)) >>" if script else ""
    kids = " ".join(f"{number + 3} 0 R" for number in range(pages))
    objects = [f"<< /Type /Catalog /Pages 2 0 R {action} >>", f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>"]
    objects += ["<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>"] * pages
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode()
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{at:010} 00000 n \n" for at in places)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + table.encode() + trailer.encode()
