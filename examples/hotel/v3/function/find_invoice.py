def find_invoice(conv, booking_reference: str) -> dict:
    """Returns the invoice's number and when it was sent, or says that there is none."""
    answer = conv.http.get(f"/invoices/{booking_reference}")
    if answer.status == 404:
        return {"found": False, "say": "I can't find an invoice for that booking yet."}
    invoice = answer.json()
    conv.state["invoice_number"] = invoice["number"]
    return {"found": True, "number": invoice["number"], "sent_at": invoice.get("sent_at")}
