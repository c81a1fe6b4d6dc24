"""HM Revenue and Customs: who has a National Insurance number, weeks of activity, and earnings by tax year."""
