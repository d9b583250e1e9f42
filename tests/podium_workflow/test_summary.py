from podium.files import write_json
from podium.workflow.summary import summarise


def test_names_what_is_made_and_leaves_out_what_is_not(tmp_path):
    page, csv = tmp_path / "report.html", tmp_path / "a.csv"
    check, score = tmp_path / "a.check.json", tmp_path / "a.score.json"
    files = [str(csv), str(check), str(score)]
    assert summarise(str(page), files) == ""
    csv.write_text("x")
    assert summarise(str(page), files) == f"Submission:  {csv}"
    page.write_text("x")
    write_json(check, {"rows": 12, "images": 5, "instances": 11})
    write_json(score, {"score": 0.123456, "metric": "dsb2018", "low": 0.1, "high": 0.2})
    assert summarise(str(page), files).splitlines() == [
        f"Submission:  {csv}",
        "Checked:     12 rows, 5 images, 11 instances",
        "Local score: 0.1235 dsb2018 (95 % interval 0.1000 to 0.2000)",
        f"Report:      {page}",
    ]
    folder = tmp_path / "share"
    assert summarise(str(page), files, str(folder)).splitlines()[-1] == f"Report:      {page}"
    folder.mkdir()
    (folder / "index.html").write_text("x")
    assert summarise(str(page), files, str(folder)).splitlines()[-1] == f"Viewer:      {folder}/index.html"
