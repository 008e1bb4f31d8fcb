"""Reads examples of FHIR R4 by a second implementation of the rules in docs/format/events-in.md, on plain JSON, and writes what
each file holds: fhir/answer.json.

    python fhir_vectors.py FOLDER [NAME ...]   copies the named files (or takes all, without copying) of hl7.fhir.r4.examples 4.0.1
"""

import datetime
import json
import pathlib
import shutil
import sys

SYSTEMS = {
    "http://loinc.org": "LOINC", "http://hl7.org/fhir/sid/icd-10": "ICD10", "http://hl7.org/fhir/sid/icd-10-cm": "ICD10", "http://www.whocc.no/atc": "ATC",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm", "http://snomed.info/sct": "SNOMED", "http://hl7.org/fhir/sid/ndc": "NDC", "http://hl7.org/fhir/sid/cvx": "CVX",
}
ORDER = ["LOINC", "ICD10", "ATC", "RxNorm", "SNOMED", "NDC", "CVX"]
NOT = {
    "Observation": ["entered-in-error", "cancelled"], "Encounter": ["entered-in-error", "cancelled", "planned"], "MedicationRequest": ["entered-in-error", "cancelled", "draft"],
    "MedicationAdministration": ["entered-in-error", "not-done"], "Procedure": ["entered-in-error", "not-done", "preparation"],
}


def code_of(concept):
    codings = [c for c in (concept or {}).get("coding", []) if c.get("code")]
    if not codings:
        return None
    best = min(codings, key=lambda c: ORDER.index(SYSTEMS[c["system"]]) if c.get("system") in SYSTEMS else 99)
    system, code = best.get("system"), best["code"]
    if system is None:
        return code
    if SYSTEMS.get(system) == "ICD10" and len(code) > 3 and "." not in code:
        code = code[:3] + "." + code[3:]
    parts = code.split("-")
    if SYSTEMS.get(system) == "NDC" and len(parts) == 3 and 10 <= sum(map(len, parts)) <= 11:
        code = parts[0].zfill(5) + parts[1].zfill(4) + parts[2].zfill(2)
    return f"{SYSTEMS[system]}/{code}" if system in SYSTEMS else f"{system}|{code}"


def time_of(text):
    if len(text) <= 10:
        parts = [int(p) for p in text.split("-")] + [1, 1]
        moment = datetime.datetime(*parts[:3], tzinfo=datetime.timezone.utc)
    else:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round((moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) / datetime.timedelta(microseconds=1))


def first(*texts):
    return next((time_of(t) for t in texts if t), None)


def period(p, known_at_end=False):
    p = p or {}
    return p.get("end") or p.get("start") if known_at_end else p.get("start") or p.get("end")


def patient_of(resource):
    """The key of the patient, or None where the subject is something else."""
    reference = resource.get("patient" if resource["resourceType"] == "AllergyIntolerance" else "subject", {}).get("reference", "")
    if reference.startswith("urn:"):
        return reference.split(":")[-1]
    parts = reference.split("/_history/")[0].split("/")
    return parts[-1] if len(parts) > 1 and parts[-2] == "Patient" else None


def observed(code, v, at, panel):
    name = code_of(code)
    if name is None:
        return []
    if "valueQuantity" in v:
        return [(at, name, v["valueQuantity"]["value"])] if "value" in v["valueQuantity"] else []
    if "valueCodeableConcept" in v:
        answer = code_of(v["valueCodeableConcept"])
        return [(at, name + ("//" + answer if answer else ""), None)]
    if "valueBoolean" in v:
        return [(at, name, int(v["valueBoolean"]))]
    if "valueInteger" in v:
        return [(at, name, v["valueInteger"])]
    if "valueRatio" in v:
        return [(at, name, v["valueRatio"]["numerator"]["value"] / v["valueRatio"]["denominator"]["value"])]
    if "dataAbsentReason" in v:
        return []
    if panel and not any(k.startswith("value") for k in v):
        return []
    return [(at, name, None)]


def medication(r, medications):
    if "medicationCodeableConcept" in r:
        return code_of(r["medicationCodeableConcept"])
    reference = r["medicationReference"].get("reference", "")
    if reference.startswith("#"):
        return next(code_of(c.get("code")) for c in r["contained"] if c["id"] == reference[1:])
    return medications.get(reference.split("/")[-1].split(":")[-1])


def events(r, medications):
    kind = r["resourceType"]
    if r.get("status") in NOT.get(kind, []):
        return []
    out = []
    if kind == "Patient":
        if r.get("gender"):
            out.append((None, "gender//" + r["gender"], None))
        if r.get("birthDate"):
            out.append((time_of(r["birthDate"]), "MEDS_BIRTH", None))
        if r.get("deceasedDateTime"):
            out.append((time_of(r["deceasedDateTime"]), "MEDS_DEATH", None))
        return out
    if kind not in (*NOT, "Condition", "AllergyIntolerance") or patient_of(r) is None:
        return []
    refuted = any(c.get("code") in ("entered-in-error", "refuted") for c in r.get("verificationStatus", {}).get("coding", []))
    if kind == "Encounter":
        at = first(r.get("period", {}).get("start"))
        if at is not None:
            if "partOf" not in r and r["class"].get("code"):
                out.append((at, "class//" + r["class"]["code"], None))
            out += [(at, "type//" + code_of(c), None) for c in r.get("type", []) if code_of(c)]
            out += [(at, "reason//" + code_of(c), None) for c in r.get("reasonCode", []) if code_of(c)]
    elif kind == "Condition" and not refuted:
        out.append((first(r.get("recordedDate"), r.get("onsetDateTime"), period(r.get("onsetPeriod"))), code_of(r.get("code")), None))
    elif kind == "Procedure":
        out.append((first(r.get("performedDateTime"), period(r.get("performedPeriod"))), code_of(r.get("code")), None))
    elif kind == "AllergyIntolerance" and not refuted:
        code = code_of(r.get("code"))
        return [(first(r.get("recordedDate"), r.get("onsetDateTime")), code and "allergy//" + code, None)] if code else []
    elif kind == "MedicationRequest" and not r.get("doNotPerform"):
        out.append((first(r.get("authoredOn")), medication(r, medications), None))
    elif kind == "MedicationAdministration":
        dose = r.get("dosage", {}).get("dose", {}).get("value")
        if "medicationReference" in r and not r["medicationReference"].get("reference", "").startswith("#"):
            dose = None
        out.append((first(r.get("effectiveDateTime"), period(r.get("effectivePeriod"))), medication(r, medications), dose))
    elif kind == "Observation":
        timing = r.get("effectiveTiming", {}).get("event", [None])
        at = first(r.get("effectiveDateTime"), period(r.get("effectivePeriod"), True), r.get("effectiveInstant"), timing[0], r.get("issued"))
        out += observed(r["code"], r, at, bool(r.get("component")))
        for c in r.get("component", []):
            out += observed(c["code"], c, at, False)
    return [e for e in out if e[0] is not None and e[1] is not None]


def unpacked(document):
    if document.get("resourceType") != "Bundle":
        return [document]
    inside = [e["resource"] for e in document.get("entry", []) if "resource" in e and e.get("request", {}).get("method") != "DELETE"]
    return [r for d in inside for r in unpacked(d)]


def main():
    source = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).parent / "fhir"
    names = sys.argv[2:] or sorted(p.name for p in source.glob("*.json"))
    answer = {}
    for name in names:
        document = json.loads((source / name).read_text())
        resources = unpacked(document)
        medications = {r["id"]: code_of(r.get("code")) for r in resources if r["resourceType"] == "Medication" and "id" in r} if "resourceType" in document else {}
        found = sorted({e for r in resources if "resourceType" in r for e in events(r, medications)}, key=str)
        kinds = {r.get("resourceType") for r in resources}
        if found and (len(sys.argv) > 2 or kinds & {"Patient", *NOT, "Condition", "AllergyIntolerance"}):
            answer[name] = found
        if len(sys.argv) > 2:
            here.mkdir(exist_ok=True)
            shutil.copy(source / name, here / name)
    where = here / "answer.json" if len(sys.argv) > 2 else source / "answer.txt"
    where.write_text("{\n" + ",\n".join(json.dumps(k) + ": " + json.dumps(v) for k, v in answer.items()) + "\n}\n")
    print(len(answer), "files,", sum(map(len, answer.values())), "events")


main()
